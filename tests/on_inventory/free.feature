Feature: Strikes that can spare the servers that were not opted in

  Scenario: Who is only not heard, and who may be another one
    Given the inventory in "staging.yaml"
    When traffic from the active load balancer to node "web-b" is dropped for 5 s
    And the busiest webserver loses network for 5 s
    Then recovery < 1 min
