Feature: A file beside it
  Scenario: It is called so, too
    Given 3 webservers behind haproxy
    And 10 users work with "sign-ups"
    When a random webserver dies
    Then recovery takes under 30 s
