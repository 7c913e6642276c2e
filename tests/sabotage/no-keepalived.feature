Feature: The card's sentence without keepalived
  Nobody takes the address over: this must never pass.

  Scenario: The highest-degree node dies and no virtual IP daemon runs
    Given 4 webservers behind haproxy
    And no virtual IP daemon runs
    When the highest-degree node dies
    Then p99 stays under 500ms
    And recovery < 8 min
