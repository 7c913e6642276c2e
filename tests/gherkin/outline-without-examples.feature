Feature: An outline alone
  Scenario Outline: <a>
    Given <a>
  Scenario Template: <b>
    Given <b>
