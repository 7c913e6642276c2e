Feature: The shop stays open in containers

  Scenario: One of two shops dies, and its restart policy starts it again
    Given the Compose project in "../docker-compose.yml"
    And 100 requests/s of read traffic
    And 5 users browse the site
    When a random "shop" node dies
    Then availability throughout is at least 99%
    And recovery takes under 30 s
