@pr @card
Feature: The sentence on the card
  A website of four webservers keeps answering, and is whole again soon, when the node that most depends on dies.
  The highest-degree node is the active balancer: it is linked to the clients and to every webserver.

  Scenario: The highest-degree node dies
    Given 4 webservers behind haproxy
    When the highest-degree node dies
    Then p99 stays under 500ms
    And recovery < 8 min
