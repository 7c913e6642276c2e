Feature: A
  Scenario: B
    Given c
  Background:
    Given d
