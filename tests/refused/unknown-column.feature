Feature: Outlines
  Scenario Outline: With a column that is not there
    Given 4 webservers behind haproxy
    Then p99 latency throughout is under <limt>

    Examples:
      | limit |
      | 1 s   |
