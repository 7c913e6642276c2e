Feature: What Thens mean
  Scenario: All of them
    Given 4 webservers behind haproxy
    When the highest-degree node dies
    Then steady state holds after recovery
    And availability while degraded is at least 99%
    And p99.9 stays < 1 s
    And mean latency during failover is at most 20 ms
    And at least 1_000 connections stay open throughout
    And total downtime is under 15 s
    And the longest outage is over 3 s
    And recovery < 8 min
    And removal from rotation takes between 1 s and 10 s
    And 3 webservers are in rotation
    And no other node fails
    And exactly one load balancer holds the virtual IP before the fault
