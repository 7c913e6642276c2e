Feature: And comes first
  Scenario: One
    And a step
    But another
    Given a third
    And a fourth
