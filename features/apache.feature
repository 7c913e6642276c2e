Feature: Webservers that run Apache, as the paper's
  What holds for nginx holds for the paper's own webserver.

  Background:
    Given the infrastructure in "apache"

  Rule: A dead one is replaced, a dead process started again
    @nightly
    Scenario: Half of the Apaches die
      When 50% of the webservers die
      Then availability throughout is at least 99%
      And the longest outage is under 2 s
      And 4 webservers are in rotation
      And recovery takes under 30 s

    @nightly
    Scenario: A supervised Apache dies
      Given Monit supervises the webservers
      And health checks run every 500 ms and fail after 3 misses
      When process "apache2" on a random webserver dies
      Then restoring redundancy takes under 5 s
      And availability throughout is at least 99.9%
      And 4 webservers are in rotation
