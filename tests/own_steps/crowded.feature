Feature: A shop
  Scenario: Guests come
    Given 4 webservers behind haproxy
    When a random webserver gets 3 guests for 5 s
    And 50% of the room of every webserver is taken by guests
    And these faults strike:
      | at  | fault                              | target             | for |
      | 0 s | gets 2 guests                      | a random webserver | 5 s |
      | 1 s | 50% of the room is taken by guests | a random webserver |     |
    Then recovery takes under 1 min
