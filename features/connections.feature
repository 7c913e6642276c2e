@nightly
Feature: Thousands of connections
  Many users who each ask seldom: what is tried is how many connections stay open, not how many requests are served.
  A page every 5 s is well within the 10 s after which the balancers close an idle connection themselves.

  Scenario: Two thousand users keep their connections while a webserver dies
    Given 4 webservers behind haproxy
    And 2_000 users browse the site, a page every 5 s
    When a random webserver dies
    Then at least 1_900 connections stay open throughout
    And availability throughout is at least 99%
    And recovery takes under 1 min
