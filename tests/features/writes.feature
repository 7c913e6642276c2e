Feature: Users that write for a few seconds, for tests of the harness

  Scenario: Nothing happens
    Given the infrastructure in "figure-1"
    And 5 users read and write the site
    And 40 requests/s of mixed traffic
    And 50 requests/s of read traffic
    And the system has been steady for 3 s
    Then no acknowledged write is lost
