Feature: A
  Scenario: B
    Given a step of : and : and | and # and @ and """ and <x> and \n
    When it says # no comment
    Then it ends with a colon:
