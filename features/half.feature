Feature: Massive failure is survivable
  What is left carries the load until the reconciler has replaced what was lost.

  Rule: Half of the webservers are enough
    @pr
    Scenario: Half of the webservers die
      Given 4 webservers behind haproxy
      When 50% of the webservers die
      Then availability throughout is at least 99%
      And the longest outage is under 2 s
      And 4 webservers are in rotation
      And recovery takes under 30 s

    @nightly
    Scenario Outline: <share> of the webservers die
      Given 8 webservers behind haproxy
      When <share> of the webservers die
      Then availability throughout is at least 99%
      And 8 webservers are in rotation
      And recovery takes under 1 min

      Examples:
        | share |
        | 25%   |
        | 75%   |

  Rule: A zone is not the site
    @nightly
    Scenario: Every node in a zone dies
      Given the infrastructure in "two-zones"
      When every node in zone "a" dies
      Then total downtime is under 5 s
      And exactly one load balancer holds the virtual IP after recovery
      And recovery takes under 1 min

  Rule: Failure that goes on is survivable too
    @nightly
    Scenario: A webserver dies every 5 s
      Given 4 webservers behind haproxy
      When a random webserver dies every 5 s for 20 s
      Then availability throughout is at least 99%
      And 4 webservers are in rotation
