Feature: A
  Rule: B
    Given prose
    When prose
    | prose |
    Example: C
      Given step
