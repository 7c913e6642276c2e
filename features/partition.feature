Feature: A cut between the databases, and then the writable one dies
  What a master acknowledges before anybody else has it dies with it: that asynchronous replication loses writes so is a
  test of the harness itself, which must find them lost. Where a master waits until one of those who follow it has a write,
  none is lost, whichever that was: what only a replica has is salvaged before the other master is promoted.

  Background:
    Given the infrastructure in "figure-1"
    And the databases replicate semi-synchronously
    And 10 users write to the site
    And 100 requests/s of write traffic
    And 50 requests/s of read traffic

  Rule: One who has it is enough
    @nightly
    Scenario: The masters do not hear each other, and the writable one dies
      When the network between node "db-1" and node "db-2" is cut for 20 s
      And 2 s pass
      And node "db-1" dies
      Then no acknowledged write is lost
      And recovery takes under 2 min

    @nightly
    Scenario: The writable one reaches no other, so it acknowledges nothing, and it dies
      When the network between node "db-1" and node "db-2" is cut for 20 s
      And the network between node "db-1" and node "db-3" is cut for 20 s
      And 2 s pass
      And node "db-1" dies
      Then no acknowledged write is lost
      And recovery takes under 2 min
