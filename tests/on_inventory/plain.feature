Feature: A scenario that names no place

  Scenario: As many servers
    Given 2 webservers behind haproxy
    When a random webserver hangs for 5 s
    Then recovery < 1 min
