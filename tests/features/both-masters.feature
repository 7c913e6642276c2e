Feature: Writes to both masters at once, as the paper has them, lose updates

  Scenario: Nothing happens
    Given the infrastructure in "figure-1"
    And writes go to both masters in turn
    And 20 users write to the site
    And 300 requests/s of write traffic
    And 50 requests/s of read traffic
    And the system has been steady for 10 s
    Then the follower counts are right
