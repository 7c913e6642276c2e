Feature: The virtual IP moves
  Two balancers share an address by keepalived; the one that holds it is active.
  VRRP version 3 advertises every 50 ms, so that a silent holder is missed after 0.2 s.

  Background:
    Given 4 webservers behind 2 load balancers
    And the load balancers share a virtual IP
    And requests time out after 500 ms

  Rule: The standby takes over
    @pr
    Scenario: The standby takes over the virtual IP
      When the active load balancer dies
      Then failover takes under 3 s
      And exactly one load balancer holds the virtual IP after recovery
      And recovery takes under 30 s

    @nightly
    Scenario: A holder whose HAProxy died gives the virtual IP away
      When process "haproxy" on the active load balancer dies
      And 10 s pass
      And the same load balancer reboots
      Then the longest outage is under 5 s
      And exactly one load balancer holds the virtual IP after recovery

  Rule: The standby is not missed
    @pr
    Scenario: The standby dies and no user notices
      When the standby load balancer dies
      Then availability throughout is at least 99.9%
      And exactly one load balancer holds the virtual IP throughout
      And restoring redundancy takes under 30 s
