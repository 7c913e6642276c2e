Feature: A background
  Background: what all have
    It is described, too.
    Given 4 webservers behind haproxy
    And requests time out after 500 ms

  Scenario: One
    When a random webserver dies
    Then recovery takes under 30 s
  Scenario: Without steps
  Scenario: Two
    And it goes on as the background ended
