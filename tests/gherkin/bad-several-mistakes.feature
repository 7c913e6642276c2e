Feature: A
  Scenario: B
    Given c
    one
    When d
    two
    Then e
      | a |
      | b | c |
  @tag with blanks
  Scenario: F
    Given g
      """
      open
