Feature: Names
  Scenario: Twice
    Given 4 webservers behind haproxy
    Then steady state holds throughout
  Scenario:
    Given 4 webservers behind haproxy
    Then steady state holds throughout
  Rule: A rule is no other feature
    Scenario: Twice
      Given 4 webservers behind haproxy
      Then steady state holds throughout
