Feature: Backups stand by
  HAProxy sends requests to a `backup` only when no other server of its backend is left, and then to the first one that is
  usable. In rotation is what gets requests, so of these three webservers it is always one.

  Background:
    Given the infrastructure in "../fixtures/examples/backup/site.yaml"
    And 100 requests/s of read traffic
    And the reconciler is off

  Rule: One takes over from the other
    @pr
    Scenario: The first of two backups takes over, and the second goes on waiting
      When process "nginx" on node "web-1" dies
      And 8 s pass
      Then 1 webserver is in rotation
      And removal from rotation takes under 5 s

    @nightly
    Scenario: The second backup takes over when the first is gone too
      When process "nginx" on node "web-1" dies
      And process "nginx" on node "web-2" dies
      And 8 s pass
      Then 1 webserver is in rotation
      And no other node fails
