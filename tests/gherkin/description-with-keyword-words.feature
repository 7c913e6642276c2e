Feature: What the site promises
  Rules:
  - one webserver may be lost
  Features: caching, replication
  Background and context matter to a reader
  Scenario planning is done elsewhere
  Rule of thumb: three replicas
  Given a fleet of this size, something is always broken.
  When it is, users should not see it.
  * one more point
  | a | picture | of a table |
  """ a quotation

  Rule: The rule
    Rules are there to be kept
    Examples: are prose in a rule
    Background
    Scenario: A scenario
      Scenario without a colon
      Feature: is prose here
      Background: as is this
      Given 4 webservers behind haproxy
