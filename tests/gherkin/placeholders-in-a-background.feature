Feature: A background has no values
  Background:
    Given <a>
  Scenario Outline: S
    Given <a>
    Examples:
      | a |
      | 1 |
