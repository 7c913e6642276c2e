Feature: Incomplete scenarios
  Scenario: Without steps
  Scenario: Without a Then
    Given 4 webservers behind haproxy
    When the highest-degree node dies
  Scenario: Without anything provisioned
    Given 500 requests/s of read traffic
    When the highest-degree node dies
    Then recovery < 8 min
