Feature: A
  # comment

  prose after an empty line that the comment made a part of the description

  Background: B
    # comment

    # comment
    Given a
  Scenario: C
    Then c
