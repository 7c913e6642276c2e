Feature: Words with a slip
  Scenario: Each step has one
    Given 4 web servers behind haproxy
    Given 4 webservers behind haprxy
    When the higest-degree node dies
    When the highest degree node dies
    When node "web-1" loses netwrok for 5 s
    When 20 users browse teh site
    Then recoverry < 8 min
    Then p99 stays undre 500ms
    And availability while degradde is at least 99%
    * a random webserver dise
    * the users are content
