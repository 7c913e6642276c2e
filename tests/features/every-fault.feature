Feature: A scenario for each fault there is
  For tests of the harness: whatever silently does nothing must never pass.

  Background:
    Given the infrastructure in "every-fault.yaml"
    And 20 requests/s of read traffic
    And the reconciler is off

  Scenario: dies
    When node "web-2" dies
    Then total downtime is under 1 min

  Scenario: power-off
    When node "web-2" loses power for 1 s
    Then total downtime is under 1 min

  Scenario: power-on
    When node "web-2" loses power
    And node "web-2" comes back
    Then total downtime is under 1 min

  Scenario: reboots
    When node "web-2" reboots
    Then total downtime is under 1 min

  Scenario: soft-reboots
    When node "web-2" reboots gracefully
    Then total downtime is under 1 min

  Scenario: hangs
    When node "web-2" hangs for 1 s
    Then total downtime is under 1 min

  Scenario: suspended
    When node "web-2" is suspended for 1 s
    Then total downtime is under 1 min

  Scenario: process-dies
    When process "nginx" on node "web-2" dies
    Then total downtime is under 1 min

  Scenario: process-stops
    When process "nginx" on node "web-2" stops for 1 s
    Then total downtime is under 1 min

  Scenario: process-restarts
    When process "nginx" on node "web-2" restarts
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

  Scenario: port-rejected
    When port 81 of node "web-2" is rejected for 1 s
    Then total downtime is under 1 min

  Scenario: gains-delay
    When the network of node "web-2" gains 5 ms of delay for 1 s
    Then total downtime is under 1 min

  Scenario: loses-packets
    When the network of node "web-2" loses 1% of packets for 1 s
    Then total downtime is under 1 min

  Scenario: bandwidth-limit
    When the network of node "web-2" is limited to 50 Mbit/s for 1 s
    Then total downtime is under 1 min

  Scenario: cpu-taken
    When 4% of the CPU of node "web-2" is taken for 1 s
    Then total downtime is under 1 min

  Scenario: memory-taken
    When 1% of the memory of node "web-2" is taken for 1 s
    Then total downtime is under 1 min

  Scenario: disk-taken
    When 10% of the disk space of node "web-2" is taken for 1 s
    Then total downtime is under 1 min

  Scenario: disk-full
    When node "web-2" gets a full disk for 1 s
    Then total downtime is under 1 min

  Scenario: zone-lost
    When zone "b" is lost for 1 s
    Then total downtime is under 1 min
