Feature: A
  Scenario: B
    Given c
    # language: fr
    Soit d
