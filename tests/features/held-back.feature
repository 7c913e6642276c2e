Feature: A strike that meets a protected server is held back

  Scenario: The active balancer is protected
    Given 2 webservers behind haproxy
    And node "lb-1" is protected
    When the active load balancer dies
    Then recovery takes under 1 min
