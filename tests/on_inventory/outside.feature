Feature: An entry of which it is not known at which server it is

  Scenario: By the holder of the address, by the graph
    Given the inventory in "outside.yaml"
    When the active load balancer loses network for 5 s
    And the highest-degree node loses network for 5 s
    And the network between the most central node and node "web-a" is cut for 5 s
    And a random webserver loses network for 5 s
    And a random webserver loses power for 5 s
    Then recovery < 1 min
    And exactly one load balancer holds the virtual IP after recovery
