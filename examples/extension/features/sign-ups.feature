Feature: Sign-ups

  Scenario: Names are kept where a server loses power
    Given the infrastructure in "../names/site.yaml"
    And the reconciler is off
    And 50 requests/s of read traffic
    And 10 users work with "sign-ups"
    When node "app" loses power for 1 s
    Then every name has exactly one owner
    And recovery takes under 30 s
