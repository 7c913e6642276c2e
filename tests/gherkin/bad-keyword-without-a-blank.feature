Feature: A
  Scenario: B
    Given c
    Given	with a tab
    Whena typing error
    Then: with a colon
