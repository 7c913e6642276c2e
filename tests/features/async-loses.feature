Feature: What a master had acknowledged and no other database had received dies with it

  Scenario: Both who follow it do not hear it, and then it dies
    Given the infrastructure in "figure-1"
    And 10 users write to the site
    And 100 requests/s of write traffic
    And 50 requests/s of read traffic
    When the network between node "db-1" and node "db-2" is cut for 20 s
    And the network between node "db-1" and node "db-3" is cut for 20 s
    And 2 s pass
    And node "db-1" dies
    Then no acknowledged write is lost
