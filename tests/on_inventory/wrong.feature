Feature: An inventory with a mistake in almost every line
  Scenario: All at once
    Given the inventory in "./wrong.yaml"
    And 20 users on the moon
    When a random webserver loses network for 5 s
    Then recovery takes under 5 parsecs

  Scenario: Each once
    Given the inventory in "wrong.yaml"
    When a random webserver loses network for 5 s
    Then recovery takes under 1 min
