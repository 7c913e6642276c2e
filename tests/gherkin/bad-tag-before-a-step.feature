Feature: A
  Scenario: B
    Given c
    @tag
    Given d
  Rule: E
    Scenario: F
      Given g
