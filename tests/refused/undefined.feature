Feature: Steps that nobody knows
  Background:
    Given 4 webservers behind nginx
  Scenario: Unknown events and words
    When the highest-degree node explodes
    And the network of a random webserver is cut
    And 20% of the packets of node "web-1" are lost
    Then p99 remains under 500ms
    And recovery is under 8 min
    And the users are happy about the way in which everything was handled
  Scenario: The wrong keyword
    When 4 webservers behind haproxy
    Then the highest-degree node dies
