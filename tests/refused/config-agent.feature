Feature: Agents and times that can't be
  Scenario: A config agent that nobody declared
    Given 4 webservers behind haproxy
    When the config agent stops
    Then 4 webservers are in rotation
  Scenario: Nobody configures what takes its time to be configured
    Given 4 webservers behind haproxy
    And every webserver takes 2 min to configure
    When a random webserver dies
    Then recovery takes under 8 min
  Scenario: Time stands still
    Given 4 webservers behind haproxy
    And time runs 0 times faster
    When a random webserver dies
    Then recovery takes under 8 min
  Scenario: Nobody is there for Monit to supervise
    Given 4 webservers behind haproxy
    And Monit supervises the databases
    When a random webserver dies
    Then recovery takes under 8 min
  Scenario: Two agents that would configure the same servers
    Given 4 webservers behind haproxy
    And the config agent runs every 1 min
    And Puppet configures the nodes every 1 min
    Then steady state holds throughout
  Scenario: Puppet without a Puppet server
    Given the infrastructure in "figure-1"
    And Puppet configures the nodes every 1 min
    Then steady state holds throughout
  Scenario: Nothing configures that could wait
    Given 4 webservers behind haproxy
    When a random webserver dies
    Then no node is configured while node "puppet" is down
    And no node is configured while node "web-1" is down
