Feature: Indentation
  Scenario: One
    Given tabs
		"""
		text
			deeper
	left
		"""
    And nothing before the delimiter
"""
  text
"""
    And blanks at the end
      """
      text   
      	
         
      """
