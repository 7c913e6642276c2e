Feature: Tags that stand before nothing
  @slow
  Background:
    Given 4 webservers behind haproxy

  Scenario: It recovers
    When a random webserver dies
    Then recovery takes under 30 s
