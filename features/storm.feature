Feature: The re-mirroring storm of 21 April 2011
  A short cut, and a healer that takes all who can't be heard for dead: when the network is back, every database is
  mirrored anew at once, all from the one that is written to, though each had what it needed already. Here the same cut
  is healed twice: by a reconciler that does not back off, and by one that does.

  Background:
    Given the infrastructure in "many-replicas"
    And the reconciler terminates unhealthy nodes
    And every database takes 10 s to boot
    And 10 users write to the site
    And 50 requests/s of write traffic
    And 200 requests/s of read traffic

  @nightly
  Scenario: Every server that can't be reached is replaced at once
    Given the reconciler does not back off
    When every database in zone "b" loses network for 15 s
    Then at least 4 databases are replaced
    And no acknowledged write is lost
    And recovery takes under 2 min

  @nightly
  Scenario: One after another, and only those that still can't be reached
    When every database in zone "b" loses network for 15 s
    Then at most 1 database is replaced
    And no acknowledged write is lost
    And recovery takes under 2 min
