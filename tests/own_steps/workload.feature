Feature: What a workload of another crate can't be asked

  Scenario: A shipped Then does not know what its users write
    Given 3 webservers behind haproxy
    And 10 users work with "sign-ups"
    When a random webserver dies
    Then no acknowledged write is lost
    And every register is linearizable
    And the follower counts are right

  Scenario: Its own Then is about its users alone
    Given 3 webservers behind haproxy
    When a random webserver dies
    Then every name has exactly one owner

  Scenario: Neither a file nor registered
    Given 3 webservers behind haproxy
    And 200 operations/s of "sign-up"
    When a random webserver dies
    Then recovery takes under 30 s

  Scenario: Two workloads
    Given 3 webservers behind haproxy
    And 10 users work with "sign-ups"
    And 10 users work with "site-reads"
    When a random webserver dies
    Then recovery takes under 30 s
