@nightly
Feature: Chaos keeps to its bounds
  Randomly chosen strikes skip protected servers, and never strike more servers at once than is allowed. A run that
  hurts its users for too long is ended; none of these is.

  Rule: A protected server is never drawn
    Scenario: Nodes die at random, and the balancers are protected
      Given 4 webservers behind haproxy
      And node "lb-1" is protected
      And node "lb-2" is protected
      And the run aborts if availability is under 50% for 5 s
      When 2 random nodes die
      Then availability throughout is at least 99%
      And exactly one load balancer holds the virtual IP throughout
      And 4 webservers are in rotation

    Scenario: Every blue webserver dies, and what is green is protected
      Given the infrastructure in "two-zones"
      And nodes tagged "green" are protected
      When every webserver tagged "blue" dies
      Then availability throughout is at least 99%
      And recovery takes under 30 s

  Rule: A zone is never lost by chance
    Scenario: At most half of a zone is struck at once
      Given the infrastructure in "two-zones"
      And at most 50% of zone "a" is struck at once
      And at most 1 node of zone "b" is struck at once
      When random faults strike for 20 s:
        | fault               | target             | mean |
        | dies                | a random webserver | 6 s  |
        | port 80 is rejected | a random webserver | 6 s  |
      Then availability throughout is at least 98%
      And 4 webservers are in rotation
