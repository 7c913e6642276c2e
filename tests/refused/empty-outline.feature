Feature: Outlines
  Scenario Outline: Without rows
    Given 4 webservers behind haproxy
    Then p99 latency throughout is under <limit>

    Examples:
      | limit |
