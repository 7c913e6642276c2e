Feature: A run that hurts its users more than was agreed is stopped

  Scenario: Everything hangs
    Given 2 webservers behind 1 load balancer
    And requests time out after 1 s
    And the run aborts if availability is under 50% for 1 s
    When every webserver hangs
    And the network of node "lb-1" gains 20 ms of delay
    Then recovery takes under 1 min
