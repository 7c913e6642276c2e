Feature: What a report looks like
  The report in this folder is of one run of this file. Two of its scenarios are meant not to pass.

  Scenario: The highest-degree node dies
    Given 4 webservers behind haproxy
    When the highest-degree node dies
    Then p99 stays under 500ms
    And recovery < 8 min

  Scenario: The database that takes writes dies
    Given the infrastructure in "../../fixtures/infrastructures/figure-1.yaml"
    And 20 users read and write the site
    And 100 requests/s of mixed traffic
    And 100 requests/s of read traffic
    When node "db-1" dies
    Then no acknowledged write is lost
    And availability while degraded is at least 99%
    And the databases agree within 10 s
    And recovery takes under 1 min

  Scenario: A single balancer is promised to be enough
    Given 2 webservers behind 1 load balancer
    When node "lb-1" dies
    Then availability while degraded is at least 99.9%
    And recovery takes under 1 min

  Scenario: Too few requests to speak of one in a thousand
    Given 2 webservers behind haproxy
    When process "nginx" on node "web-1" stops for 2 s
    Then p99.9 latency while degraded is under 1 s
    And recovery takes under 1 min
