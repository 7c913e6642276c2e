Scenario: A
  Given b
