Feature: Steps without a word
  Scenario: Stars
    * 4 webservers behind haproxy
    And requests time out after 5 s
    When a random webserver dies
    * 5 s pass
    But nothing else
