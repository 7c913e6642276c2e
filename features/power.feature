Feature: Power is lost and comes back
  A server without power keeps its disk, and goes on with it once power is back.

  Background:
    Given 4 webservers behind haproxy

  Rule: A server that loses power is not missed
    @pr
    Scenario: A webserver loses power for 5 s
      When a random webserver loses power for 5 s
      Then availability throughout is at least 99%
      And 4 webservers are in rotation
      And recovery takes under 30 s

    @nightly
    Scenario: A webserver loses power and comes back
      When a random webserver loses power
      And 5 s pass
      And the same webserver comes back
      Then availability throughout is at least 99%
      And 4 webservers are in rotation

    @nightly
    Scenario: A webserver reboots
      When a random webserver reboots
      Then availability throughout is at least 99%
      And 4 webservers are in rotation

    @nightly
    Scenario: A webserver reboots gracefully
      When a random webserver reboots gracefully
      Then availability throughout is at least 99%
      And 4 webservers are in rotation
