Feature: Malformed values
  Scenario: Givens
    Given 4 webservers behind haproxy
    And requests time out after 5 parsecs
    And the reconciler runs every 0 s
    And 0 requests/s of read traffic
    And 10 requests/min of read traffic
    And 99_999_999_999 users browse the site
    And health checks run every 2 s and fail after 0 misses
    And steady state means:
      | availability | under 99% |
      | latency      | under 1 s |
    Then p101 stays under 500ms
    And p99 stays under 5 parsecs
    And p99 stays between 5 s and 1 s
    And availability throughout is at least 120%
  Scenario: Whens
    Given 4 webservers behind haproxy
    When the 2 active load balancers die
    And a random webserver dies for 5 s
    And a random webserver reboots for 5 s
    And a random webserver comes back every 5 s for 20 s
    And a random webserver dies every 20 s for 5 s
    And process "" on a random webserver dies
    And every webserver in zone "a" in zone "b" dies
    Then recovery < 8 min
  Scenario: The same as nobody
    Given 4 webservers behind haproxy
    When the same webserver dies
    Then recovery < 8 min
