Feature: A shop
  Scenario: Sold out
    Given 4 webservers behind haproxy
    And 3 orders in the shop
    When a random webserver is sold out
    Then recovery takes under 1 min
