Feature: A
  Scenario: B
    Given c
    *no blank, so no step
