Feature: Cuts with one side, and victims that may not be struck
  Scenario: Cuts
    Given 2 webservers behind 1 load balancer
    When the network between every webserver and every webserver is cut
    And traffic from node "web-1" to node "web-1" is dropped
    And traffic from node "web-1" to every webserver tagged "x" is dropped
    And traffic from node "web-9" to every webserver is dropped
    And the network of the load balancers is split into halves
    And the network of the webservers becomes a ring of majorities
    And the network between node "web-1" and every webserver is cut
    Then recovery < 1 min

  Scenario: Nobody is meant
    Given 4 webservers behind haproxy
    When the primary webserver dies
    And the busiest load balancer dies
    And every unhealthy load balancer dies
    And the 0 busiest webservers die
    And the 5 most central webservers die
    And zone "a" is lost
    And every critical node dies
    Then no database is a single point of failure

  Scenario: Safeguards
    Given the infrastructure in "two-zones"
    And node "lb-1" is protected
    And nodes tagged "green" are protected
    And at most 1 webserver is struck at once
    And at most 50% of zone "b" is struck at once
    When node "lb-1" dies
    And every load balancer dies
    And 2 random webservers die
    And 3 random webservers die
    And zone "b" is lost
    And each load balancer dies in turn
    And node "lb-2" dies
    And a random webserver dies
    Then recovery < 1 min

  Scenario: Whoever holds the address is protected
    Given 2 webservers behind 2 load balancers
    And the load balancers share a virtual IP
    And node "lb-1" is protected
    And node "lb-2" is protected
    When the active load balancer dies
    Then recovery < 1 min

  Scenario: A safeguard for nobody
    Given 4 webservers behind haproxy
    And node "web-9" is protected
    When a random webserver dies
    Then recovery < 1 min

  Scenario: A tag that nobody has
    Given 4 webservers behind haproxy
    And nodes tagged "gold" are protected
    When a random webserver dies
    Then recovery < 1 min

  Scenario: A limit on nobody
    Given 4 webservers behind haproxy
    And at most 1 database is struck at once
    When a random webserver dies
    Then recovery < 1 min

  Scenario: Sides that chance can't fill
    Given 4 webservers behind haproxy
    And node "web-4" is protected
    When the network between 2 random webservers and 2 random webservers is cut
    And the network between node "web-1" and 50% of the webservers is cut
    And the network between node "web-1" and 3 random webservers is cut
    And traffic from node "web-1" to 3 random webservers is dropped
    And the network between every other webserver and 2 random webservers is cut
    Then recovery < 1 min
