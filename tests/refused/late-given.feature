Feature: Givens that come too late
  Scenario: After a When
    Given 4 webservers behind haproxy
    When the highest-degree node dies
    Given the reconciler is off
    Then recovery < 8 min
  Scenario: After a Then
    Given 4 webservers behind haproxy
    Then steady state holds throughout
    * 4 webservers
