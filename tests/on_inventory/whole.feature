Feature: A site that is there already

  Scenario: A webserver hangs
    Given the inventory in "staging.yaml"
    And 5 users browse the site
    When a random webserver hangs for 5 s
    Then availability throughout is at least 95%
    And 2 webservers are in rotation
