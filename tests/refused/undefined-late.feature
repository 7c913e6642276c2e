Feature: A step that is not defined, among others that cannot be carried out
  Scenario: Everything in one round
    Given the infrastructure in "figure1"
    And 20 users on the moon
    And time runs 0 times faster
    And every webserver takes 2 s to boot
    When a random moon dies
    And a random node explodes
    And the same node dies
    Then recovery takes under 5 parsecs

  Scenario: What follows is judged without it
    Given 2 webservers behind haproxy
    When a random webserver explodes
    And node "web-9" dies
    Then recovery takes under 1 min
    And exactly one webserver holds the virtual IP after recovery
