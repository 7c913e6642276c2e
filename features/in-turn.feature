Feature: No server is one that the site can't do without
  Each is taken away alone, for long enough to see whether its users are served without it.

  Rule: Two balancers stand in for each other
    @nightly
    Scenario: Each balancer dies in turn
      Given 4 webservers behind haproxy
      And every load balancer takes 4 s to boot
      And requests time out after 1 s
      When each load balancer dies in turn
      Then no load balancer is a single point of failure
      And recovery takes under 30 s

    @nightly
    Scenario: Each webserver dies in turn
      Given 3 webservers behind haproxy
      And every webserver takes 4 s to boot
      When each webserver dies in turn
      Then no webserver is a single point of failure
      And availability throughout is at least 99%

  Rule: A zone can be lost where the other has all it takes
    @nightly
    Scenario: A zone is lost and comes back
      Given the infrastructure in "two-zones"
      When zone "a" is lost for 8 s
      Then total downtime is under 5 s
      And exactly one load balancer holds the virtual IP after recovery
      And recovery takes under 1 min
