Feature: Faults of every kind
  Background:
    Given the infrastructure in "two-zones"

  Scenario: Processes and their signals
    When process "nginx" on a random webserver stops for 5 s
    And process "nginx" on every webserver restarts
    And process "nginx" on a random webserver dies of SIGTERM
    And a random process on the active load balancer dies
    Then recovery < 1 min

  Scenario: Networks
    Given a server loses its network 500 ms after it was asked for
    When a random webserver loses network for 5 s
    And 2 random webservers are isolated for 5 s
    And the network between the active load balancer and every webserver is cut for 5 s
    And traffic from every load balancer to node "web-1" is dropped
    And the network of the nodes is split into halves
    And the network of the webservers becomes a ring of majorities
    And port 80 of every other webserver is rejected for 3 s
    And port 80 of the idlest webserver is blackholed
    And the network of every webserver gains 100 ms of delay with 20 ms of jitter for 5 s
    And the network of a random webserver loses 30% of packets every 5 s for 20 s
    And the network of a random webserver is limited to 1.5 Mbit/s
    Then recovery < 1 min

  Scenario: Resources and zones
    When 50% of the CPU of a random webserver is taken for 5 s
    And 10% of the memory of a random webserver is taken
    And a random webserver gets a full disk for 5 s
    And zone "a" is lost for 5 s
    And all faults are lifted
    Then recovery < 1 min

  Scenario: Moments
    Given at most 50% of the webservers are struck at once
    And nodes tagged "green" are protected
    And node "lb-2" is protected
    And the run aborts if availability is under 50% for 5 s
    When a random webserver dies at random times, every 5 s on average, for 20 s
    And these faults strike:
      | at  | fault                 | target                   | for |
      | 0 s | gains 100 ms of delay | a random webserver       | 8 s |
      | 2 s | process "nginx" dies  | a random webserver       |     |
      | 3 s | 10% of the CPU is taken | a random webserver     | 1 s |
      | 4 s | node "lb-1" reboots   |                          |     |
    And random faults strike for 1 min:
      | fault                   | target             | mean |
      | dies                    | a random webserver | 30 s |
      | port 80 is rejected     | a random webserver | 10 s |
    Then recovery < 1 min

  Scenario: Whoever matters most
    When the most central node dies
    And the busiest webserver dies
    And every unhealthy webserver dies
    Then recovery < 1 min

  Scenario: One after the other
    When each webserver dies in turn
    Then no webserver is a single point of failure
