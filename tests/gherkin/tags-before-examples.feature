@top
Feature: Tags of examples
  @outline
  Scenario Outline: <n>
    Given <n>

    @first
    # a comment
    @second

    Examples: one
      | n |
      | 1 |
    @third
    Examples: two
      | n |
      | 2 |
      | 3 |
  @next
  Scenario: Another
    Given b
  @rule
  Rule: R
    @in-rule
    Scenario Outline: in a rule <n>
      Given <n>
      @of-examples
      Scenarios:
        | n |
        | 4 |
