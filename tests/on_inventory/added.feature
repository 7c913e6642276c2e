Feature: Servers of two kinds

  Scenario: An inventory, and more
    Given the inventory in "staging.yaml"
    And 2 webservers
    When a random webserver hangs for 5 s
    Then recovery < 1 min

  Scenario: Another inventory
    Given the inventory in "nowhere.yaml"
    When a random webserver hangs for 5 s
    Then recovery < 1 min
