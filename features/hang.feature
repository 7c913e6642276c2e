Feature: A hang is not a crash
  A frozen server still accepts connections (its kernel does) and answers none, until it goes on where it stopped:
  its users wait, and no connection is refused.

  Background:
    Given 4 webservers behind haproxy

  Rule: Requests that wait are answered
    @pr
    Scenario: A webserver hangs for 3 s
      When a random webserver hangs for 3 s
      Then availability throughout is at least 99%
      And maximum latency throughout is over 1 s
      And no other node fails
      And recovery takes under 15 s

  Rule: Nothing answers for a server that is suspended, not even its kernel, and it goes on where it was
    @nightly
    Scenario: A webserver is suspended for 3 s
      When a random webserver is suspended for 3 s
      Then availability throughout is at least 99%
      And no other node fails
      And recovery takes under 15 s

  Rule: A hung balancer is taken over from, and does not take the address back
    @nightly
    Scenario: The active balancer hangs
      When the active load balancer hangs for 3 s
      Then exactly one load balancer holds the virtual IP after recovery
      And recovery takes under 30 s
