Feature: A
  Scenario: B
    Given c
      | d |
    prose
    | e |
    Then f
    more prose

    still more
    And g
