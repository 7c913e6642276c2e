@nightly @alone
Feature: Thousands of connections
  Many users who each ask seldom: what is tried is how many connections stay open, not how many requests are served.
  A page every 5 s is well within the 10 s after which the balancers close an idle connection themselves; they also close
  one whose user gets an error page, as two in three of those do who ask while two of three webservers are dead, which is
  until the reconciler looks next.

  Scenario: Two thousand users keep their connections while a webserver dies
    Given 4 webservers behind haproxy
    And 2_000 users browse the site, a page every 5 s
    When a random webserver dies
    Then at least 1_900 connections stay open throughout
    And availability throughout is at least 99%
    And recovery takes under 1 min

  Scenario: Two thousand users of the whole site keep theirs while part of its fleet dies
    Given the infrastructure in "figure-1"
    And 2_000 users browse the site, a page every 8 s
    When 2 random webservers die
    Then at least 1_400 connections stay open throughout
    And the longest outage is under 3 s
    And availability throughout is at least 95%
    And recovery takes under 1 min
