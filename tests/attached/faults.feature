Feature: One of each kind of fault, on servers that are there already
  Those that leave something behind come last: the servers are those of all scenarios.

  Background:
    Given 3 webservers
    And 20 requests/s of read traffic

  Scenario: hangs
    When node "web-2" hangs for 1 s
    Then total downtime is under 1 min

  Scenario: suspended
    When node "web-2" is suspended for 1 s
    Then total downtime is under 1 min

  Scenario: power-off
    When node "web-2" loses power for 1 s
    Then total downtime is under 1 min

  Scenario: process-stops
    When process "nginx" on node "web-2" stops for 1 s
    Then total downtime is under 1 min

  Scenario: loses-network
    Given a server loses its network 200 ms after it was asked for
    When node "web-2" loses network for 1 s
    Then total downtime is under 1 min

  Scenario: isolated
    When node "web-2" is isolated for 1 s
    Then total downtime is under 1 min

  Scenario: partition
    When traffic from node "web-3" to node "web-2" is dropped for 1 s
    Then total downtime is under 1 min

  Scenario: port-blackholed
    When port 81 of node "web-2" is blackholed for 1 s
    Then total downtime is under 1 min

  Scenario: gains-delay
    When the network of node "web-2" gains 5 ms of delay for 1 s
    Then total downtime is under 1 min

  Scenario: bandwidth-limit
    When the network of node "web-2" is limited to 50 Mbit/s for 1 s
    Then total downtime is under 1 min

  Scenario: memory-taken
    When 1% of the memory of node "web-2" is taken for 1 s
    Then total downtime is under 1 min

  Scenario: disk-taken
    When 10% of the disk space of node "web-2" is taken for 1 s
    Then total downtime is under 1 min

  Scenario: reboots
    When node "web-2" reboots
    Then total downtime is under 1 min

  Scenario: soft-reboots
    When node "web-2" reboots gracefully
    Then total downtime is under 1 min

  Scenario: process-dies
    When process "nginx" on node "web-2" dies
    Then total downtime is under 1 min

  Scenario: dies
    When node "web-3" dies
    Then total downtime is under 1 min
