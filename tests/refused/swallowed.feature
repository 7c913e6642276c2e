Feature: Scenarios without their heading
  Rule: The steps of this one are read as its description
    Given 4 webservers behind haproxy
    When a random webserver dies
    Then recovery takes under 30 s

  Rule: This one says in words what it means
    When a server dies, users do not see it.

  Rule: This one is whole
    When a random webserver dies
    Scenario: It recovers
      Given 4 webservers behind haproxy
      When a random webserver dies
      Then recovery takes under 30 s
