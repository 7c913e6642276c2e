Feature: Not Gherkin
  Scenario: A line that is nothing
    Given 4 webservers behind haproxy
    and so on
    Then recovery < 8 min
