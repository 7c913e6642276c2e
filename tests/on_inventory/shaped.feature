Feature: What can't be said of servers that are there already

  Scenario: Boots take time
    Given 2 webservers behind haproxy
    And every webserver takes 2 min to boot
    And the reconciler runs every 1 min
    When a random webserver hangs for 5 s
    Then recovery < 1 min

  Scenario: Its reconciler is its own
    Given 2 webservers behind haproxy
    When the reconciler stops
    And a random webserver hangs for 5 s
    Then recovery < 1 min

  Scenario: Other servers
    Given 4 webservers behind haproxy
    When a random webserver hangs for 5 s
    Then recovery < 1 min

  Scenario: A server that may not be attacked
    Given 2 webservers behind haproxy
    When node "lb-a" hangs for 5 s
    Then recovery < 1 min

  Scenario: More than may be attacked
    Given 2 webservers behind haproxy
    When 2 random webservers hang for 5 s
    Then recovery < 1 min

  Scenario: No command does it
    Given 2 webservers behind haproxy
    When a random webserver loses power for 5 s
    Then recovery < 1 min

  Scenario: A server that there is not
    Given 2 webservers behind haproxy
    When node "web-9" hangs for 5 s
    Then recovery < 1 min

  Scenario: A role that no server has
    Given 2 webservers behind haproxy
    When a random database hangs for 5 s
    Then recovery < 1 min

  Scenario: Its reconciler is not ours to switch off
    Given 2 webservers behind haproxy
    And the reconciler is off
    When a random webserver hangs for 5 s
    Then recovery < 1 min

  Scenario: Its replacements are not observed
    Given 2 webservers behind haproxy
    When a random webserver hangs for 5 s
    Then replacement takes under 1 min
    And no node is booted twice
    And at most 1 webserver is replaced
