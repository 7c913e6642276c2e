Business Need: Another word
  Scenario: a
    Given a
