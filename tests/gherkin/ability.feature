Ability: Another word
  Example: a
    Given a
