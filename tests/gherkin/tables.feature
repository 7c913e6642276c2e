Feature: Tables
  Scenario: All sorts of cells
    Given a table
      | a | b |
      |c|d|
      ||  |
      |	tab	|   many blanks   |
      | ümläut | 日本 |
    And one without indentation
|x|
|y|
    And one with comments
      | 1 |
      # a comment
      | 2 |

      | 3 |
    And what follows the last bar
      | a | b | none
      | c | d |# none either
    And no cell at all
      |
    And a number sign
      | # | a # b |
