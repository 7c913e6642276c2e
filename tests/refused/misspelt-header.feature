Feature: Misspelt headers
  Senario: It is part of the description
  Backround: So is this

  Scenario: Something else
    Given 4 webservers behind haproxy
    When the highest-degree node dies
    Then recovery < 8 min
