Feature: Who configures and supervises, and how fast time runs
  Scenario: All of it
    Given 4 webservers behind haproxy
    And every node takes 3 min to boot
    And every webserver takes 30 s to install
    And every node takes 1 min to configure
    And every webserver takes 2 min to configure
    And the config agent runs every 2 min
    And Monit supervises the webservers
    And time runs 20 times faster
    When the config agent stops
    And a random webserver dies
    And the config agent starts again
    Then recovery takes under 8 min
