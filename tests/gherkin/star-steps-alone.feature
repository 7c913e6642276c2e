Feature: Steps without a word
  Background:
    * 4 webservers behind haproxy
  Scenario Outline: Stars for <what>
    * <what> dies
    And 5 s pass
    Then all is well
    Examples:
      | what |
      | a webserver |
