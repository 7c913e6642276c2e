# language: fr
Fonctionnalité: A
  Scenario: is prose here
  Given as is this
  Scénario: B
    Scenario: and here
    Given as well
    Soit c
