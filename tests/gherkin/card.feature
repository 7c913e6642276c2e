Feature: The sentence on the card
  Scenario: The highest-degree node dies
    Given 4 webservers behind haproxy
    When the highest-degree node dies
    Then p99 stays under 500ms
    And recovery < 8 min
