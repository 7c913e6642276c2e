Feature: Scenarios that contradict themselves
  Scenario: Strikes on nobody
    Given 4 webservers behind haproxy
    And the webservers are spread over 2 zones
    When node "web-9" dies
    And a random database dies
    And every webserver in zone "c" dies
    And every webserver tagged "canary" dies
    And 5 random webservers die
    And 0 random webservers die
    And 0% of the webservers die
    And the 7 highest-degree nodes die
    And the active webserver dies
    And the standby webserver dies
    Then 5 webservers are in rotation
    And 1 database is in rotation
    And exactly one webserver holds the virtual IP throughout
  Scenario: No standby
    Given 4 webservers behind 1 load balancer
    When the active load balancer dies
    And the standby load balancer dies
    Then recovery < 1 min
  Scenario: Nothing strikes
    Given 4 webservers behind haproxy
    Then recovery < 1 min
    And p99 stays under 500 ms
    And availability while degraded is at least 99%
    And availability throughout is at least 99%
    And no other node fails
  Scenario: A virtual IP that one balancer shares with nobody
    Given 4 webservers behind 1 load balancer
    And the load balancers share a virtual IP
    When the standby load balancer dies
    Then recovery < 1 min
