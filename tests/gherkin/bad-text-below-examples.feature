Feature: A
  Scenario Outline: <a>
    Given <a>
    Examples:
      | a |
      """
      text
      """
