Feature: The shop stays open

  Scenario: One of two shops dies
    Given the infrastructure in "../chaos/site.yaml"
    And 100 requests/s of read traffic
    And 5 users browse the site
    When a random "shop" node dies
    Then availability throughout is at least 99%
    And recovery takes under 30 s
