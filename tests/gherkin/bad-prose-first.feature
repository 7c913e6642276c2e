A line of prose
Feature: A
  Scenario: B
    Given c
