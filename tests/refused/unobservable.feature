Feature: Thens that no observer can answer
  Scenario: nginx is the balancer
    Given the infrastructure in "unobservable/site.yaml"
    When node "web-1" hangs for 5 s
    Then removal from rotation takes under 4 s
    And 2 webservers are in rotation
    And detection takes under 2 s
    And at least 100 connections stay open throughout
    And exactly one load balancer holds the virtual IP throughout
    And exactly one webserver is writable throughout
    And the webservers agree within 5 s
    And recovery takes under 1 min

  Scenario: The reconciler is off too
    Given the infrastructure in "unobservable/site.yaml"
    And the reconciler is off
    When node "web-1" hangs for 5 s
    Then detection takes under 2 s

  Scenario: The entry itself
    Given 2 webservers
    When a random webserver dies
    Then removal from rotation takes under 4 s
    And 1 webserver is in rotation

  Scenario: Others share the virtual IP
    Given 4 webservers behind haproxy
    When a random webserver dies
    Then exactly one webserver holds the virtual IP throughout
    And exactly one load balancer holds the virtual IP throughout
    And removal from rotation takes under 4 s
    And 6 nodes are in rotation
    And 4 nodes are in rotation
