Feature: A
  Scenario: B
    Given c
    Then d
  | a |
  Scenario: E
  | f |
    Given g
    @h
    @i
