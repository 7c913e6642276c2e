Feature: Misspelt keywords
  The description may say anything: the standby takes over, and the other dies.

  Scenario: Giiven
    Giiven 4 webservers behind haproxy
    When the highest-degree node dies
    Then p99 stays under 500ms

  Scenario: A forgotten keyword
    4 webservers behind haproxy
    Given 4 webservers behind haproxy
    When the highest-degree node dies
    Then p99 stays under 500ms

  Senario: Swallowed by the one before it
    Given 4 webservers behind haproxy
    Then recovery < 8 min

  Scenario: Words that no pattern knows
    Gvn a site of ours
    Thn everybody is happy
    The others are happy too, and Any word may begin a sentence
    Given 4 webservers behind haproxy
    Then steady state holds throughout
