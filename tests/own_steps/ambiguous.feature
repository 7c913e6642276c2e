Feature: A shop
  Scenario: Ambiguous
    Given 4 webservers behind haproxy
    When the active load balancer dies
    Then recovery takes under 1 min
