@feature
Feature: Rules
  Background:
    Given of the feature

  Scenario: Before all rules
    When before

  @first
  Rule: The first
    Background: its own
      Given of the first rule
    @one
    Scenario: One
      When one
    @two @three
    Example: Two
      When two

  @second @last
  Rule: The second

    Which has no background.

    Scenario: Three
      When three
  Rule: Without anything
