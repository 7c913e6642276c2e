Feature: A shop
  Scenario: Nobody ordered
    Given 4 webservers behind haproxy
    When a random webserver is sold out
    And somebody panics
    Then recovery takes under 1 min
