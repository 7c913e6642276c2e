Feature: A
  @one tag
  Scenario: B
    Given c
