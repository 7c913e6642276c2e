Feature: The network fails, and the servers do not
  An unreachable server is taken out of rotation like a dead one. Unlike a dead one, it comes back by itself, and needs
  no replacement.

  Background:
    Given 4 webservers behind haproxy

  Rule: Traffic flows around a server that can't be reached
    @pr
    Scenario: The active balancer and a webserver no longer hear each other
      When the network between the active load balancer and a random webserver is cut for 4 s
      Then availability throughout is at least 99%
      And exactly one load balancer holds the virtual IP throughout
      And no other node fails

    @nightly
    Scenario: A webserver refuses its port
      When port 80 of a random webserver is rejected for 5 s
      Then availability throughout is at least 99%
      And recovery takes under 30 s

    @nightly
    Scenario: A webserver's port is a black hole
      When port 80 of a random webserver is blackholed for 5 s
      Then availability throughout is at least 99%
      And recovery takes under 30 s

    @nightly
    Scenario: A balancer does not hear a webserver that hears it
      When traffic from a random webserver to the active load balancer is dropped for 4 s
      Then availability throughout is at least 99%
      And recovery takes under 30 s

    @nightly
    Scenario: Each hears a majority, and no two the same
      When the network of the webservers becomes a ring of majorities for 5 s
      Then availability throughout is at least 99.9%
      And the longest outage is under 1 s

    @nightly
    Scenario: Webservers need not hear each other
      When the network of the webservers is split into halves for 5 s
      Then availability throughout is at least 99.9%
      And the longest outage is under 1 s

  Rule: A balancer without a network is taken over from
    @nightly
    Scenario: The active balancer loses its network
      Given a server loses its network 500 ms after it was asked for
      And requests time out after 1 s
      When the active load balancer loses network for 8 s
      Then the longest outage is under 5 s
      And exactly one load balancer holds the virtual IP after recovery
      And recovery takes under 1 min

    @nightly
    Scenario: The standby balancer loses its network, and takes the address for its own
      Given a server loses its network 500 ms after it was asked for
      When the standby load balancer loses network for 12 s
      Then the longest outage is under 3 s
      And availability throughout is at least 99%
      And exactly one load balancer holds the virtual IP after recovery

  Rule: A server that its environment isolates is silent, and runs on
    @nightly
    Scenario: A webserver is isolated
      When a random webserver is isolated for 8 s
      Then availability throughout is at least 95%
      And recovery takes under 30 s

  Rule: A slow network is slow and nothing else
    @pr
    Scenario: What webservers send is delayed
      When the network of every webserver gains 100 ms of delay for 4 s
      Then availability throughout is at least 99.9%
      And median latency while degraded is over 50 ms
      And recovery takes under 15 s

    @nightly
    Scenario: What a webserver sends is delayed now more, now less
      When the network of a random webserver gains 40 ms of delay with 20 ms of jitter for 4 s
      Then availability throughout is at least 99.9%
      And recovery takes under 15 s

    @nightly
    Scenario: A webserver loses some of what it sends
      When the network of a random webserver loses 30% of packets for 8 s
      Then availability throughout is at least 95%
      And recovery takes under 30 s

    @nightly
    Scenario: A webserver has little bandwidth
      When the network of a random webserver is limited to 1 Mbit/s for 8 s
      Then availability throughout is at least 95%
      And recovery takes under 30 s
