Feature: Puppet makes a server what its role says
  As in the paper: a replacement boots bare, its old certificate is cleaned and its new one signed, and the next run of Puppet's
  agent gives it its role. The baseline is long, because each server gets its first certificate at the first run.

  Background:
    Given 2 webservers behind a load balancer

  Rule: A replacement has no role until Puppet's agent has run
    The paper advises to keep the Puppet server out of the cloud that is attacked.

    @nightly @slow @alone
    Scenario: A webserver dies, at the paper's cadence, 4 times faster
      Given Puppet configures the nodes every 1 min
      And node "puppet" is protected
      And the system has been steady for 40 s
      And every webserver takes 3 min to boot
      And the reconciler runs every 1 min
      And time runs 4 times faster
      When a random webserver dies
      Then replacement takes between 3 min and 6 min
      And recovery takes under 8 min
      And availability throughout is at least 99%
      And 2 webservers are in rotation

  Rule: Without the Puppet server the site goes on, and replacements wait
    @nightly @slow @alone
    Scenario: The Puppet server and a webserver die
      Given Puppet configures the nodes every 15 s
      And the system has been steady for 40 s
      And every "puppet" node takes 20 s to boot
      When node "puppet" dies
      And a random webserver dies
      Then no node is configured while node "puppet" is down
      And replacement takes over 30 s
      And recovery takes under 4 min
      And availability throughout is at least 99%
      And 2 webservers are in rotation

  Rule: A run puts right what drifted
    @nightly @slow @alone
    Scenario: A killed process comes back at the next run of Puppet's agent
      Given Puppet configures the nodes every 15 s
      And the system has been steady for 40 s
      When process "nginx" on a random webserver dies
      Then restoring redundancy takes under 1 min
      And availability throughout is at least 99%
      And 2 webservers are in rotation
