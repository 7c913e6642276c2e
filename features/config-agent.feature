Feature: A config agent makes a server what its role says
  The paper's cron job. Where there is one, a replacement boots bare and serves only after the agent's next run on it.
  On servers that have their role, a run puts right what drifted: a file that differs, a service that does not run.

  Background:
    Given 4 webservers behind haproxy
    And the config agent runs every 4 s

  Rule: A replacement has no role until the agent has run
    @pr
    Scenario: A bare replacement is configured at the agent's next run
      Given every webserver takes 2 s to configure
      When a random webserver dies
      Then replacement takes between 2 s and 9 s
      And recovery takes under 15 s
      And 4 webservers are in rotation

    @nightly
    Scenario: A stopped agent configures no server
      When the config agent stops
      And a random webserver dies
      And 12 s pass
      Then 3 webservers are in rotation
      And availability throughout is at least 99%

    @nightly
    Scenario: An agent that starts again configures the server that waited
      When the config agent stops
      And a random webserver dies
      And 8 s pass
      And the config agent starts again
      Then replacement takes over 8 s
      And recovery takes under 25 s

  Rule: A run puts right what drifted
    @nightly
    Scenario: A killed process comes back at the next run
      When process "nginx" on a random webserver dies
      And 8 s pass
      Then availability throughout is at least 99%
      And 4 webservers are in rotation
