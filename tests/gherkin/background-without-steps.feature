Feature: An empty background
  Background:
  Scenario: One
    Given a webserver
