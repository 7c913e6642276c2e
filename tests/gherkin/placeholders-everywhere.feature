Feature: Placeholders
  Scenario Outline: <fault> of "<who>" for <how long>, <unknown>
    Description with <fault>
    Given <who><who> and <<who>>
    When these faults strike:
      | at  | fault   | target |
      | 0 s | <fault> | <who>  |
      | <how long> | x<who>y | <unknown> |
    Then a text says:
      """<media>
      <who>
        is gone for <how long>
      """
    And p99 < 5 s and > 3 s
    Examples:
      | who   | fault | how long | media |
      | web-1 | dies  | 3 s      | json  |
      | <fault> | hangs | 4 s    |       |
