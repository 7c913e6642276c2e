Feature: A
  Scenario: B
    Given c
      | d |
      """
      text
      """
      | e |
