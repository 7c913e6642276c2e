Feature: Monit starts a dead process again
  The paper: a webserver whose process dies is back within seconds where Monit supervises it, and stays dead where
  nothing does. Monit looks once a second.

  Background:
    Given 4 webservers behind haproxy
    And health checks run every 500 ms and fail after 3 misses

  Rule: With Monit a dead process comes back by itself
    @pr
    Scenario: A supervised nginx dies
      Given Monit supervises the webservers
      When process "nginx" on a random webserver dies
      Then restoring redundancy takes under 5 s
      And availability throughout is at least 99.9%
      And 4 webservers are in rotation

    @nightly
    Scenario: Every supervised nginx dies
      Given Monit supervises the webservers
      When process "nginx" on every webserver dies
      Then the longest outage is under 5 s
      And recovery takes under 15 s

  Rule: Without it stays dead
    @nightly
    Scenario: A nginx that nothing supervises dies
      When process "nginx" on a random webserver dies
      And 8 s pass
      Then 3 webservers are in rotation
      And availability throughout is at least 99%
