Feature: The order of entries means nothing
  Scenario: One order
    Given the infrastructure in "one.yaml"
    When a random webserver dies
    Then recovery takes under 1 min
  Scenario: Another order
    Given the infrastructure in "./another.yaml"
    When a random webserver dies
    Then recovery takes under 1 min
