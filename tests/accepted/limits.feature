@site
Feature: The last that is allowed
  Scenario: As many as there are
    Given 4 webservers behind haproxy
    And 30 users browse the site, a page every 4 s
    When 4 random webservers die
    And the 6 highest-degree nodes die
    And 100% of the webservers die
    And a random webserver dies every 5 s for 5 s
    And the network between a random webserver and a random webserver is cut
    And the network between 2 random webservers and 50% of the webservers is cut
    And the network between a random webserver and every webserver is cut
    And traffic from a random webserver to every other webserver is dropped
    And traffic from node "web-1" to every webserver is dropped
    And traffic from every webserver to node "web-1" is dropped
    And traffic from every webserver to every webserver is dropped
    And traffic from a random webserver to every webserver is dropped
    And traffic from the active load balancer to every load balancer is dropped
    And the network between every webserver and node "web-1" is cut
    And the network between every node and a random webserver is cut
    And the network between every load balancer and the active load balancer is cut
    Then 4 webservers are in rotation
    And 0 webservers are in rotation
    And exactly one load balancer holds the virtual IP before the fault
