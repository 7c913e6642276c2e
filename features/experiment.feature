Feature: The paper's own experiment
  Its authors built the attacker, the reconciler and the website of figure 1, and never measured them together. This
  does: all four failure models at random times, for ten minutes each night, or for as long as `--span` says. The
  report says how available the site was, how sure that is, and how soon it was normal again after each strike.

  @nightly @slow @alone
  Scenario: Figure 1 under random, network, process and graph failure
    Given the infrastructure in "figure-1"
    And Monit supervises the webservers
    And 300 users read and write the site
    And 100 requests/s of mixed traffic
    And 200 requests/s of read traffic
    And requests time out after 5 s
    And at most 50% of the databases are struck at once
    When random faults strike for the span of the run:
      | fault                       | target                   | mean      |
      | dies                        | a random node            | 1 min     |
      | loses network               | a random node            | 2 min     |
      | process "chimp-site" dies   | a random webserver       | 2 min     |
      | dies                        | the highest-degree node  | 4 min     |
    Then no acknowledged write is lost
    And no write is applied twice
    And availability throughout is at least 99%
    And recovery from every strike takes under 2 min
