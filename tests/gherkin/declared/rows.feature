@site
Feature: The lines of rows
  Background:
    Given 4 webservers behind haproxy

  @outline
  Scenario Outline: <who> is gone for <how long>
    When <who> loses network for <how long>
    Then recovery takes under 1 min

    @short
    Examples: the short ones
      A description of the table.

      | who                | how long |
      # a comment within
      | a random webserver | 3 s      |

      | node "web-2"       | 4 s      |

    @none
    Examples: without rows
      | who | how long |

  Scenario: A table of faults
    When these faults strike:
      # a comment above the table
      | at  | fault               | target             | for |

      | 0 s | loses network       | a random webserver | 3 s |
      # a comment within
      | 5 s | process "ng\inx" dies | node "web-1"     |     |
    Then recovery takes under 1 min
