Feature: Examples without rows
  Scenario Outline: <a>
    Given <a>
    Examples: only a header
      | a |
    Examples: nothing
    Examples: rows
      | a |
      | 1 |
