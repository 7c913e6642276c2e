@nightly
Feature: The site and what is steady are as declared
  A scenario may say how its site is kept and what it calls steady; the report shows what was in force.

  Rule: What is steady can be said
    Scenario: A demanding steady state, over windows of 2 s
      Given 4 webservers behind haproxy
      And the system has been steady for 8 s
      And steady state means:
        | availability | at least 99.5% |
        | window       | 2 s            |
      When a random webserver dies
      Then steady state holds after recovery
      And recovery takes under 30 s

  Rule: Replacement and takeover can be slower
    Scenario: A reconciler that runs every 5 s, and adverts of 200 ms
      Given 4 webservers behind haproxy
      And the reconciler runs every 5 s
      And the virtual IP daemon advertises every 200 ms
      When the active load balancer dies
      Then the longest outage is under 5 s
      And replacement takes under 15 s
      And recovery takes under 30 s

    Scenario: A dead webserver is not replaced while the reconciler is off
      Given 4 webservers behind haproxy
      And the reconciler is off
      When a random webserver dies
      And 8 s pass
      Then availability throughout is at least 99%
      And 3 webservers are in rotation

    Scenario: No standby takes over where no virtual IP daemon runs
      Given 4 webservers behind haproxy
      And no virtual IP daemon runs
      And every load balancer takes 3 s to boot
      And requests time out after 1 s
      When the highest-degree node dies
      Then the longest outage is over 2 s
      And recovery takes under 30 s

  Rule: Places can be said
    Scenario: A zone of a site spread over two is lost
      Given 4 webservers behind haproxy
      And the nodes are spread over 2 zones
      When zone "b" is lost for 5 s
      Then availability throughout is at least 95%
      And recovery takes under 1 min

  Rule: Strikes can wait for one another
    Scenario: A second webserver dies once the site has recovered from the first
      Given 4 webservers behind haproxy
      When a random webserver dies
      And the system has recovered
      And a random webserver dies
      Then availability throughout is at least 99%
      And recovery takes under 30 s
