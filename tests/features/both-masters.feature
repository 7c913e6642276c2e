Feature: Writes to both masters at once, as the paper has them, lose updates

  Scenario: The masters do not hear each other for a while
    Given the infrastructure in "figure-1"
    And writes go to both masters in turn
    And 20 users write to the site
    And 300 requests/s of write traffic
    And 50 requests/s of read traffic
    When the network between node "db-1" and node "db-2" is cut for 3 s
    Then the follower counts are right
