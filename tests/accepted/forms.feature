@site
Feature: Forms
  The standby takes over, and
  the other dies. Any description, "quoted" or not: allowed.

  Background:
    Given 4 webservers behind 2 load balancers

  @fast
  Scenario Outline: An outline without its values in the name
    When <share> of the webservers die
    Then availability throughout is at least <least>

    Examples:
      | share | least |
      | 25%   | 99%   |
      | 50%   | 98%   |

  Rule: A rule
    Background:
      Given the load balancers share a virtual IP
      And every node takes 2 s to boot

    @slow @fast
    Scenario: Everything said at once
      But 300 requests/s of read traffic
      And 7 users browse the site
      And requests time out after 2 s
      And the system has been steady for 20 s
      And steady state means:
        | availability | at least 99.5% |
        | window       | 2 s            |
      And the reconciler runs every 2 s
      And health checks run every 1 s and fail after 2 misses
      And the virtual IP daemon advertises every 100 ms
      When the active load balancer loses power for 5 s
      And 10 s pass
      And the same load balancer hangs
      And process "nginx" on 2 random webservers die
      And every webserver reboots every 5 s for 20 s
      And the system has recovered
      Then exactly one load balancer holds the virtual IP after recovery
      And at least 10 connections stay open throughout
