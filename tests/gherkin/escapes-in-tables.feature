Feature: Backslashes
  Scenario Outline: <what>
    Given <who>
    And a table
      | a\nb   | \n     | \\    |
      | \|     | \\n    | \\\|  |
      | C:\dir | \t\"\' | \     |
      | end\\| \\\\ | x\|y\nz |
    Examples:
      | what       | who   |
      | the\1st    | web-1 |
      | pipe \| in | web-2 |
      | back\\slash | a\b |
