Feature: A
  Scenario: B
    Given 
    When   
    Then x
