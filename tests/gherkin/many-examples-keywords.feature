Feature: Words for the same
  Scenario: a
    Given a
  Example: b
    Given b
  Scenario Outline: c
    Given <x>
    Examples:
      | x |
      | 1 |
    Scenarios:
      | x |
      | 2 |
  Scenario Template: d
    Given <x>
    Scenarios: named
      | x |
      | 3 |
