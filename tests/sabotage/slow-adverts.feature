Feature: The card's sentence with slow adverts
  The standby misses the holder after 3 s and more, far longer than p99 forgives: this must never pass.

  Scenario: The highest-degree node dies and the virtual IP daemon advertises every second
    Given 4 webservers behind haproxy
    And the virtual IP daemon advertises every 1 s
    When the highest-degree node dies
    Then p99 stays under 500ms
    And recovery < 8 min
