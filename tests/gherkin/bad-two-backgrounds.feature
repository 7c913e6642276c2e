Feature: A
  Background:
    Given b
  Background:
    Given c
  Scenario: D
    Given e
