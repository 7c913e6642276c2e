Feature: The card's sentence without a reconciler
  Nobody replaces the dead balancer, so redundancy never returns: this must never pass.

  Scenario: The highest-degree node dies and the reconciler is off
    Given 4 webservers behind haproxy
    And the reconciler is off
    When the highest-degree node dies
    Then p99 stays under 500ms
    And recovery < 30 s
