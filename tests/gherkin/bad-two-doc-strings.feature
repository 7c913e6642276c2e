Feature: A
  Scenario: B
    Given c
      """
      one
      """
      """
      two
      """
