Feature: Strikes that could only hit servers that were not opted in

  Scenario: By who holds the address, by the graph, by what is counted
    Given the inventory in "staging.yaml"
    When the active load balancer loses network for 5 s
    And the standby load balancer loses network for 5 s
    And the highest-degree node loses network for 5 s
    And the most central node loses network for 5 s
    And the busiest load balancer loses network for 5 s
    And the 2 busiest webservers lose network for 5 s
    And process "haproxy" on the active load balancer dies
    And port 80 of the active load balancer is rejected for 5 s
    And the network between the active load balancer and every webserver is cut for 5 s
    And the network between node "web-b" and the active load balancer is cut for 5 s
    And the network between a random webserver and node "lb-a" is cut for 5 s
    And the active load balancer loses network every 20 s for 2 min
    And each load balancer dies in turn
    Then recovery < 1 min

  Scenario: At random
    Given the inventory in "staging.yaml"
    When random faults strike for 1 min:
      | fault         | target                   | mean |
      | loses network | a random webserver       | 20 s |
      | loses network | the active load balancer | 20 s |
    Then recovery < 1 min
