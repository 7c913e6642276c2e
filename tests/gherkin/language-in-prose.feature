Feature: A
  # language: fr
  Scenario: B
    Given c
