Feature: Media types
  Scenario: One
    Given json
      """json
      {"a": 1}
      """
    And with blanks
      ```  application/x-yaml ; charset=utf-8
      a: 1
      ```
    And four quotes
      """"
      text
      """"
    And what comes after the end is passed over
      """
      text
      """ this
