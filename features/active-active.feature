Feature: Every server runs every role
  Three servers with a balancer and pages each stand in for a tier of balancers and one of webservers: half of the machines,
  and each death takes one of both.

  Background:
    Given the infrastructure in "../fixtures/examples/active-active/site.yaml"
    And requests time out after 2 s

  Rule: Any one of them is enough
    @nightly
    Scenario: The one that users enter at dies
      When the active "server" node dies
      Then the longest outage is under 2 s
      And availability throughout is at least 99%
      And exactly one "server" node holds the virtual IP after recovery
      And recovery takes under 30 s

    @nightly
    Scenario: Two of three die
      When 2 random "server" nodes die
      Then total downtime is under 5 s
      And recovery takes under 30 s
