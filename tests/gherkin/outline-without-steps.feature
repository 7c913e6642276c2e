Feature: An outline that says nothing
  Scenario Outline: <a>
    Examples:
      | a |
      | 1 |
      | 2 |
