# language: fr
Fonctionnalité: A
  Scenario: is prose here
  Given as is this
  Scénario: B
    Soit c
    Given is prose no more
