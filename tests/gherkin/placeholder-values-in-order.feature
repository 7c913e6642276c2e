Feature: Values that look like placeholders
  Scenario Outline: <a> <b>
    Given <a> <b>
    Examples:
      | a   | b   |
      | <b> | <a> |
      | \\n | \n  |
      | \\  | \|  |
