Feature: What the site promises
  Rules:
  - one webserver may be lost
  Features: caching, replication
  Role: webserver
  Scenario planning is done elsewhere
  Background and context matter to a reader
  When a random webserver dies, users should not see it.

  Rule: A rule
    Rule of thumb: three replicas

    Scenario: A server dies
      Scenario without a colon, the prose of a scenario
      Any sentence of it may begin with a capital.
      * 4 webservers behind haproxy
      And node "lb-1" is protected
      When a random webserver dies
      * 5 s pass
      Then recovery takes under 30 s
