Feature: Prose
  First line
  # a comment within
  Second line

    indented, after an empty line
   	
  # the last comment

  Scenario: One
    # a comment first
    Prose below a comment

    # and a comment last
    Given a webserver
