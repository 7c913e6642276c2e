Feature: Faults that spoil the path over which they are made, confirmed and healed

  Rule: A fault counts from the moment packets are affected, not from the moment that is heard

    Scenario: Answers that come four seconds late are noticed late
      Given 3 webservers behind haproxy
      And 100 requests/s of read traffic
      And 2 users browse the site
      When the network of node "web-1" gains 4 s of delay with 800 ms of jitter for 6 s
      Then removal from rotation takes under 1 s

    Scenario: A webserver that sends nothing for six seconds comes back
      Given 3 webservers behind haproxy
      And 100 requests/s of read traffic
      And 2 users browse the site
      When the network of node "web-3" loses 100% of packets for 6 s
      Then recovery takes under 40 s
      And no other node fails

  Rule: A fault ends with its victim

    Scenario: A replacement does not inherit the fault
      Given 3 webservers behind haproxy
      And 100 requests/s of read traffic
      And 2 users browse the site
      And the reconciler terminates unhealthy nodes
      When port 80 of node "web-1" is blackholed for 40 s
      Then 3 webservers are in rotation
      And restoring redundancy takes under 25 s
