Feature: A
  Scenario Outline: <a>
    Given <a>
    Examples:
      | a |
      | 1 |
    Given late
