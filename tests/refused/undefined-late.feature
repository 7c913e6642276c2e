Feature: A step that nobody knows after others that can't be
  Scenario: Two rounds in one
    Given the infrastructure in "figure1"
    And 20 users on the moon
    And time runs 0 times faster
    When a random node dies
    Then recovery takes under 1 min
