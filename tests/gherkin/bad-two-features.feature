Feature: A
  Scenario: B
    Given c
Feature: D
  Scenario: E
    Given f
