Feature: A
  Scenario: B
    Given c
      | d | e |
      | f |
      | g | h | i |
    And d
      | j |
      | k | l |
