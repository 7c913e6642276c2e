Feature: A table and a text
  Background:
    Given both
      | a |
      | b |
      """
      text
      """
    And the other way round
      """
      text
      """
      | a |
      | b |
  Scenario: One
    Given both
      | c |
      # comment

      ```
      text
      ```
    And the other way round
      """
      text
      """

      # comment
      | d |
  Rule: R
    Background:
      Given b
        """
        text
        """
        | e |
    Scenario Outline: <a>
      Given both
        | <a> |
        """
        <a>
        """
      Examples:
        | a |
        | 1 |
