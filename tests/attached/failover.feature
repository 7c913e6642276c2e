Feature: A failover, wherever the site is

  Scenario: The highest-degree node dies
    Given the infrastructure in "./failover.yaml"
    And 100 requests/s of read traffic
    When the highest-degree node dies
    Then total downtime is under 10 s
    And failover takes under 10 s
    And recovery takes under 1 min
    And exactly one load balancer holds the virtual IP after recovery
