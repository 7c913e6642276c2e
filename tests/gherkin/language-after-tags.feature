@tag
# language: fr
Feature: A
  Scenario: B
    Given c
