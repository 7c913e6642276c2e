Feature: Numbers without units
  Background:
    Given 4 webservers behind haproxy
  Scenario: Each step lacks one
    Given the reconciler runs every 30
    When a random webserver hangs for 1
    And a random webserver hangs for 1.5
    And 2 random webservers die every 30 for 120
    And 2 random webservers dei every 30 s for 120
    And the network of node "web-1" loses 10 of packets for 5 s
    And the network of node "web-1" is limited to 1 for 5 s
    Then recovery takes at most 8
    And recovery < 8
    And p99 stays under 500
    And availability while degraded is at least 99
    And failover takes between 1 and 5
  Scenario: A unit is not all that is missing
    When a random webserver explodes for 1
    Then the databases concur within 3
