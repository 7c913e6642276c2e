Feature: A
  Scenario: B
    Given c
      ```
      text
      """
