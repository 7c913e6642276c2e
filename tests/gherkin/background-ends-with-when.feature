Feature: Conjunctions across the background
  Background:
    When a webserver dies
  Scenario: One
    And another one
    But not a third
    Then it recovers
    And stays so
