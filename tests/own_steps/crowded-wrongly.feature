Feature: A shop
  Scenario: Guests do not come
    Given 4 webservers behind haproxy
    When a random webserver gets 0 guests
    And 120% of the room of a random webserver is taken by guests
    And a random webserver gets 2 gusets
    And these faults strike:
      | at  | fault         | target             |
      | 1 s | gets 1 guest  | a random webserver |
      | 0 s | gets 0 guests | a random webserver |
    And each webserver gets a full disk in turn
    Then recovery takes under 1 min
