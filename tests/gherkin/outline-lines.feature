Feature: Lines of rows
  Prose with a <placeholder>.

  Scenario Outline: <who> is gone for <how long>
    Given 4 webservers behind haproxy
    When <who> dies
    Then recovery takes under <how long>

    Examples: described
      A description of the table,
      in two lines.

      # a comment above the header
      | who | how long |
      # a comment above a row
      | web-1 | 1 s |

      | web-2 | 2 s |
      # a comment
      # another

      | web-3 | 3 s |

    Examples:
      | how long | who |
      | 4 s | web-4 |
