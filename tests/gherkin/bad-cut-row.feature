Feature: A
  Scenario: B
    Given c
      | d | e |
      | f | g
