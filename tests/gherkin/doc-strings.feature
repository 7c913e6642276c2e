Feature: Doc strings
  Scenario: All sorts
    Given a text
      """
      one line
      """
    And an empty one
      """
      """
    And one with empty lines
      """

      in between

      """
    And one that is indented in itself
      """
      first
        second
          third
    	left of it
  two
      """
    And backticks
      ```
      """ is text here
      # as is this
      @and this
      | and | this |
      Scenario: and this
      ```
    And quotes
      """
      ``` is text here
      \"\"\" is three quotes, \" is as it is
      """
    And escaped backticks
      ```
      \`\`\` and \`
      \"\"\"
      ```
