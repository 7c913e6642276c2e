Feature: A process fails, and its server does not
  The kernel of its server answers for it: it refuses connections for a process that is dead, and accepts them for one
  that is stopped.

  Background:
    Given 4 webservers behind haproxy

  Rule: Users that other servers answer notice nothing
    @nightly
    Scenario: A stopped process makes its users wait
      When process "nginx" on a random webserver stops for 3 s
      Then availability throughout is at least 99%
      And maximum latency throughout is over 1 s
      And recovery takes under 30 s

    @nightly
    Scenario: A process restarts
      When process "nginx" on a random webserver restarts
      Then availability throughout is at least 99%
      And 4 webservers are in rotation

    @nightly
    Scenario: A process is told to end
      When process "nginx" on a random webserver dies of SIGTERM
      And 8 s pass
      And the same webserver reboots
      Then availability throughout is at least 99%
      And 4 webservers are in rotation

    @nightly
    Scenario: Any process of a webserver dies
      When a random process on a random webserver dies
      Then availability throughout is at least 99%
      And 3 webservers are in rotation
