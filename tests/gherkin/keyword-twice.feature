Feature: Feature: A
  Scenario: Scenario: B
    Given Given c
    And And d
