Feature: A scenario with examples is an outline
  Scenario: <a> and <b>
    Given <a>
    Examples:
      | a | b |
      | 1 | 2 |
  Example: <c>
    Given <c>
    Examples:
      | c |
      | 3 |
