@nightly
Feature: Which servers a fault hits
  They are chosen by what the site is (its links, tags, zones), or by what its balancers see of it.

  Rule: By links
    Scenario: The most central node dies
      Given 4 webservers behind haproxy
      When the most central node dies
      Then recovery takes under 30 s

    Scenario: The only balancer is critical: without it no webserver is reached
      Given 4 webservers behind 1 load balancer
      And every load balancer takes 3 s to boot
      And requests time out after 1 s
      When every critical node dies
      Then the longest outage is over 2 s
      And recovery takes under 30 s

  Rule: By place
    Scenario: Every other webserver refuses its port
      Given 4 webservers behind haproxy
      When port 80 of every other webserver is rejected for 5 s
      Then availability throughout is at least 99%
      And recovery takes under 30 s

  Rule: By what the balancers see
    Scenario: The idlest webserver dies
      Given 4 webservers behind haproxy
      When the idlest webserver dies
      Then availability throughout is at least 99%
      And recovery takes under 30 s

    Scenario: An unhealthy webserver dies, and comes back healthy
      Given 4 webservers behind haproxy
      When process "nginx" on a random webserver dies
      And 8 s pass
      And every unhealthy webserver dies
      Then availability throughout is at least 99%
      And 4 webservers are in rotation
