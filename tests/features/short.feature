Feature: A scenario of a few seconds, for tests of the harness

  Scenario: A webserver dies and is replaced
    Given 2 webservers behind haproxy
    When a random webserver dies
    Then recovery takes under 15 s
