Feature: Tables
  Scenario: Uneven
    Given 4 webservers behind haproxy
    And steady state means:
      | availability | at least 99% |
      | window |
    Then steady state holds throughout
