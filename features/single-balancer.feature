Feature: A single balancer is a single point of failure
  No server takes over from it, so its death is an outage that lasts until its replacement serves: at least as long
  as that takes to boot, less the deadline, as a request that waits when it comes is still answered. These scenarios pass
  by finding the outage.

  Rule: The outage lasts until the replacement serves
    @pr
    Scenario: The only balancer dies
      Given 4 webservers behind 1 load balancer
      And every load balancer takes 3 s to boot
      And requests time out after 1 s
      When the active load balancer dies
      Then the longest outage is over 2 s
      And recovery takes under 20 s

  Rule: A second balancer helps only while it lives
    @nightly
    Scenario: Every balancer dies
      Given 4 webservers behind 2 load balancers
      And the load balancers share a virtual IP
      And every load balancer takes 3 s to boot
      And requests time out after 1 s
      When every load balancer dies
      Then the longest outage is over 2 s
      And recovery takes under 30 s
