Feature: Pages

  Scenario: A page is missing
    Given 3 webservers behind haproxy
    And 50 requests/s of read traffic
    When the page of the "last" webserver is missing for 3 s
    Then exactly 1 page was missing
    And recovery takes under 30 s
