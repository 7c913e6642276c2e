# language: klingon
Feature: A
  Scenario: B
    Given c
