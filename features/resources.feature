@nightly
Feature: What a server lives on is taken
  The servers of a sandbox share one machine with the harness that judges them, so little is taken here. A run whose
  prober was starved is invalid, and says so.

  Background:
    Given 4 webservers behind haproxy

  Scenario: Some of the CPU is taken
    When 30% of the CPU of a random webserver is taken for 5 s
    Then availability throughout is at least 99%

  Scenario: Some of the memory is taken
    When 5% of the memory of a random webserver is taken for 5 s
    Then availability throughout is at least 99.9%

  Scenario: A page is served from a full disk
    When a random webserver gets a full disk for 5 s
    Then availability throughout is at least 99.9%
    And 4 webservers are in rotation
