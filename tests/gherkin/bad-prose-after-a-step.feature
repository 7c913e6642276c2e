Feature: A
  Scenario: B
    Given c
    and so on
    Then d
