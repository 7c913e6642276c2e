Feature: No scenario before the rule
  Rule: R
    Rule prose
    Background:
      Given b
    Scenario Outline: <x>
      When <x>
      @e
      Examples:
        | x |
        | 1 |
    @t
    Scenario: S
