Feature: Agents that can't be ordered so
  Scenario: Nobody is there to be stopped
    Given 4 webservers behind haproxy
    And the reconciler is off
    When the reconciler stops
    Then steady state holds throughout
  Scenario: Started though it runs
    Given 4 webservers behind haproxy
    When the reconciler starts again
    Then steady state holds throughout
  Scenario: Killed after it was stopped, at a step that is none
    Given 4 webservers behind haproxy
    When the reconciler stops
    And the reconciler is killed at its step "ask"
    And the reconciler is killed at its step "stor"
    Then steady state holds throughout
  Scenario: Spares that nobody could stand in for
    Given 4 webservers behind haproxy
    And 1 spare load balancer
    Then steady state holds throughout
