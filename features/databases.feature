Feature: The databases of the paper's figure 1 fail over, and are rebuilt

  Background:
    Given the infrastructure in "../fixtures/infrastructures/figure-1.yaml"
    And 2 users browse the site
    And 20 requests/s of read traffic

  Rule: Reads go on while a database is gone, and a replacement has the data of a peer
    @pr
    Scenario: One master dies
      When node "db-1" dies
      Then availability throughout is at least 99%
      And recovery < 1 min

    @pr
    Scenario: One slave dies
      When node "db-3" dies
      Then availability throughout is at least 99%
      And recovery < 1 min

  Rule: Whatever is left of a tier, the rest is rebuilt from it
    @nightly
    Scenario: The standby master dies
      When node "db-2" dies
      Then recovery < 1 min

    @nightly
    Scenario: Both databases of one side die
      When every database in zone "a" dies
      Then recovery < 90 s

    @nightly
    Scenario: Both masters die, and the slaves have the data
      When every "dbmaster" node dies
      Then recovery < 90 s

    @nightly
    Scenario: The databases die one after the other
      When each database dies in turn
      Then recovery < 4 min

  Rule: Replication may wait for the other master
    @nightly
    Scenario: The master dies while the databases replicate semi-synchronously
      Given the databases replicate semi-synchronously
      When node "db-1" dies
      Then recovery < 1 min
