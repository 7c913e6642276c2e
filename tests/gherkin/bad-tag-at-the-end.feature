Feature: A
  Scenario: B
    Given c
  @tag
