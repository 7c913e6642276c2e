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
  Scenario: What else can happen
    Given 4 webservers behind haproxy
    When process "nginx" on a random webserver explodes
    And each webserver explodes in turn
    And port 80 of a random webserver is closed
    And every webserver dies one after the other
    And a random process on every webserver restrats
    Then recovery takes under 8 min
  Scenario: Names of servers without quotes
    Given 3 apps behind haproxy
    When a random app dies
    And 2 random order servers die
    And app-1 hangs for 2 s
    And process "nginx" on every front stops for 5 s
    Then recovery takes under 8 min
