Feature: A
  Scenario: B
    Examples below are
    Example lines
    Given c
