Feature: A
  @tag
  Background:
    Given b
  Scenario: C
    Given d
