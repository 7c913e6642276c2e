Feature: Traffic flows around a dead machine
  The paper: a dead server leaves rotation within 10 seconds, by checks every 2 s that fail after 3 misses.
  Measured with HAProxy 2.6 and nothing but such checks, that holds for a dead process (4.8 to 5.0 s: its machine
  refuses the connection at once) and is narrowly missed by a dead host (10.5 to 10.9 s: each check first waits 2 s
  for an answer). The shipped balancers also count the users' own failed connections, and mark a server down after
  three: then the active balancer drops a dead host in about 1.2 s, and the standby, which has only its checks, in
  about 6 s. Removal counts when every balancer has dropped it. Asserted is what the shipped balancers do.

  Background:
    Given 4 webservers behind haproxy
    And health checks run every 2 s and fail after 3 misses

  Rule: A dead host is a black hole
    @pr
    Scenario: A dead host leaves rotation within the paper's 10 s
      Given every webserver takes 12 s to boot
      When a random webserver dies
      Then removal from rotation takes under 10 s
      And availability throughout is at least 99.9%
      And 4 webservers are in rotation
      And recovery takes under 30 s

  Rule: A dead process refuses connections at once
    @pr
    Scenario: A dead process leaves rotation within half of that
      When process "nginx" on a random webserver dies
      And 8 s pass
      And the same webserver reboots
      Then removal from rotation takes under 5 s
      And availability throughout is at least 99.9%
      And 4 webservers are in rotation
