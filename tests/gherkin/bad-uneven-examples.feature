Feature: A
  Scenario Outline: <a>
    Given <a>
    Examples:
      | a | b |
      | 1 | 2 |

      # a comment
      | 3 |
