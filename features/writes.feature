Feature: Nothing that the site acknowledged is lost

  Users sign up, post, follow and read. When the load is over, every database that lives is read, and compared with what
  the site acknowledged to its users.

  Background:
    Given the infrastructure in "figure-1"
    And 20 users read and write the site
    And 100 requests/s of mixed traffic
    And 100 requests/s of read traffic

  Rule: A dead master takes nothing with it
    @pr
    Scenario: The database that takes writes dies
      # What only a master has when it dies is lost; so each write waits for the other master.
      Given the databases replicate semi-synchronously
      When node "db-1" dies
      Then no acknowledged write is lost
      And no write is applied twice
      And the follower counts are right
      And every name has one owner
      And the databases agree within 10 s
      And exactly one database is writable throughout
      And recovery takes under 1 min

  Rule: What is read may be a little older than what was written
    @nightly
    Scenario: Replicas follow within a fraction of a second
      Given 200 requests/s of mixed traffic
      And the system has been steady for 15 s
      Then p99 staleness is under 500 ms
      And no acknowledged write is lost
