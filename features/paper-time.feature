Feature: The paper's times
  A replacement there boots in 3 min, is noticed missing by a reconciler that looks once a minute, and is configured by
  an agent that runs every minute or two: it serves again after 6 to 8 minutes. Where time runs faster, what is declared
  is waited for in a shorter time, and intervals are judged in model time: measured, and the waits put back.

  Rule: A replacement serves after boot, reconciler and config agent
    @pr
    Scenario: In 6 to 8 minutes, at 20 times the speed
      Given 4 webservers behind haproxy
      And every node takes 3 min to boot
      And every node takes 1 min to install
      And the reconciler runs every 1 min
      And the config agent runs every 1 min
      And every node takes 2 min to configure
      And time runs 20 times faster
      When a random webserver dies
      Then recovery takes between 6 min and 8 min 30 s
      And availability while degraded is at least 99%

    @nightly @slow
    Scenario: In 6 to 8 minutes, in real time
      Given 4 webservers behind haproxy
      And every node takes 3 min to boot
      And every node takes 1 min to install
      And the reconciler runs every 1 min
      And the config agent runs every 1 min
      And every node takes 2 min to configure
      When a random webserver dies
      Then recovery takes between 6 min and 8 min 30 s
      And availability while degraded is at least 99%

    @nightly @slow
    Scenario: A replacement serves after boot, reconciler and config agent, in the paper's 6 to 8 minutes
      Given 4 webservers behind 2 load balancers
      And the load balancers share a virtual IP
      And 500 requests/s of read traffic
      And requests time out after 5 s
      And every node takes 3 min to boot
      And the reconciler runs every 1 min
      And the config agent runs every 2 min
      When a random webserver dies
      Then recovery takes under 8 min
      And availability while degraded is at least 99%

  Rule: Losing every load balancer is an outage until one has booted
    A request that was due within its deadline before the balancer came is still answered (its address is asked for again
    and again), so the outage may seem that much shorter than the boot. Hence a deadline of only 1 s, and 2 min 59 s.

    @pr
    Scenario: Both balancers die, at 20 times the speed
      Given 4 webservers behind haproxy
      And every load balancer takes 3 min to boot
      And requests time out after 1 s
      And time runs 20 times faster
      When every load balancer dies
      Then the longest outage is over 2 min 59 s
      And recovery takes under 4 min

    @nightly @slow
    Scenario: Losing every load balancer is an outage until one has booted
      Given 4 webservers behind 2 load balancers
      And the load balancers share a virtual IP
      And 500 requests/s of read traffic
      And requests time out after 1 s
      And every load balancer takes 3 min to boot
      When every load balancer dies
      Then the longest outage is over 2 min 59 s
