Feature: Infrastructures that can't be
  Scenario: No servers
    Given 0 webservers behind haproxy
    Then steady state holds throughout
  Scenario: No such role
    Given 4 "wizard" nodes behind haproxy
    And the "wizard" nodes share a virtual IP
    Then steady state holds throughout
  Scenario: No such file
    Given the infrastructure in "./nowhere.yaml"
    Then steady state holds throughout
  Scenario: Nothing shipped by this name
    Given the infrastructure in "nowhere"
    Then steady state holds throughout
  Scenario: A template that can't be rendered
    Given the infrastructure in "./broken-site/site.yaml"
    Then steady state holds throughout
  Scenario: A word that names no server
    Given 4 webservers behind 1 load balancer
    And the databases share a virtual IP
    Then steady state holds throughout
