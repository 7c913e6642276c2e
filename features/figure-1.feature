Feature: The paper's website survives the loss of any one server, and loses no write
  Figure 1: two balancers before three servers of the site, two balancers before two databases that replicate from each
  other, each with its own replica. While users sign up, post, follow and read, a server is taken away; the
  reconciler replaces it, and a database comes back with everything that it held.

  Background:
    Given the infrastructure in "figure-1"
    And 12 users read and write the site
    And 100 requests/s of read traffic
    And requests time out after 2 s

  Rule: Each tier goes on without one of its servers
    @pr
    Scenario: The active balancer dies
      When the active load balancer dies
      Then no acknowledged write is lost
      And the longest outage is under 2 s
      And recovery takes under 1 min

    @pr
    Scenario: A replica dies
      When node "db-3" dies
      Then no acknowledged write is lost
      And availability throughout is at least 99%
      And recovery takes under 1 min

    @nightly
    Scenario Outline: <server> dies
      When node "<server>" dies
      Then no acknowledged write is lost
      And no write is applied twice
      And every name has one owner
      And the follower counts are right
      And the databases agree within 30 s
      And recovery takes under 90 s
      And no node is booted twice

      Examples:
        | server |
        | lb-1   |
        | lb-2   |
        | web-1  |
        | web-2  |
        | web-3  |
        | dblb-1 |
        | dblb-2 |
        | db-1   |
        | db-2   |
        | db-3   |
        | db-4   |

  Rule: A whole tier, a side or a zone can be rebuilt
    @nightly
    Scenario: Both web balancers die: an outage until one has booted
      Given every load balancer takes 5 s to boot
      And requests time out after 1 s
      When every load balancer dies
      Then the longest outage is over 4 s
      And no acknowledged write is lost
      And recovery takes under 1 min

    @nightly
    Scenario: A database and its replica die together
      When 100% of the databases in zone "a" die
      Then no acknowledged write is lost
      And exactly one database is writable after recovery
      And recovery takes under 2 min

    @nightly
    Scenario: Both masters die, and the slaves have the data
      When every "dbmaster" node dies
      Then no acknowledged write is lost
      And recovery takes under 2 min

    @nightly
    Scenario: The databases die one after the other
      When each database dies in turn
      Then no acknowledged write is lost
      And recovery takes under 4 min

    @nightly
    Scenario: A zone dies
      When every node in zone "a" dies
      Then no acknowledged write is lost
      And exactly one database is writable after recovery
      And recovery takes under 2 min

  Rule: A database that hangs is no database
    @nightly
    Scenario: The writable database's process hangs
      When process "mariadbd" on node "db-1" hangs for 20 s
      Then no acknowledged write is lost
      And recovery takes under 90 s

    @nightly
    Scenario: A database that hangs for good is terminated, where that is declared
      Given the reconciler terminates unhealthy nodes
      When process "mariadbd" on node "db-1" hangs
      Then at least 1 database is replaced
      And at most 1 node is replaced
      And no acknowledged write is lost
      And exactly one database is writable after recovery
      And recovery takes under 90 s

  Rule: A replacement that boots bare gets its role, and then its data
    @nightly
    Scenario: A database dies where a config agent runs
      Given the config agent runs every 4 s
      When node "db-2" dies
      Then no acknowledged write is lost
      And recovery takes under 1 min

  Rule: A database without data does not join
    @nightly
    Scenario: Every database dies, and no server has the data any more
      When every database dies
      Then recovery takes over 20 s

    @nightly
    Scenario: The only database that has the data can't be reached for a while
      When node "db-4" loses network for 15 s
      And node "db-1" dies
      And node "db-2" dies
      And node "db-3" dies
      Then the longest outage is over 5 s
      And exactly one database is writable after recovery
      And recovery takes under 1 min

  Rule: Replication may wait for the other master
    @nightly
    Scenario: The writable database dies while the databases replicate semi-synchronously
      Given the databases replicate semi-synchronously
      When node "db-1" dies
      Then no acknowledged write is lost
      And recovery takes under 90 s

  Rule: Without a reconciler the site serves, but stays thin
    @nightly
    Scenario: No dead server of the site is replaced
      When the reconciler stops
      And node "web-1" dies
      And 20 s pass
      And the reconciler starts again
      Then availability throughout is at least 99%
      And replacement takes over 20 s
      And recovery takes under 1 min
