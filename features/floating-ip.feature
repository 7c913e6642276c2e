@nightly
Feature: A floating IP moves to a balancer that serves
  The environment leads the address to one balancer. No server holds it, and keepalived has no part in it: the failover of the
  harness looks at all balancers, and has the address led elsewhere, which the paper wanted and its cloud could not do.

  Background:
    Given the infrastructure in "../fixtures/infrastructures/floating-ip.yaml"
    And every load balancer takes 20 s to boot

  Scenario: The balancer to which the floating IP leads dies
    When the active load balancer dies
    Then exactly one load balancer holds the virtual IP throughout
    And failover takes under 15 s
    And the longest outage is under 12 s
    And recovery takes under 2 min

  Scenario: The balancer to which it does not lead dies, and users notice nothing
    When the standby load balancer dies
    Then availability throughout is at least 99.9%
    And recovery takes under 2 min

  Scenario: Without the failover, users wait for the replacement
    When the failover stops
    And the active load balancer dies
    Then the longest outage is over 15 s
    And recovery takes under 2 min
