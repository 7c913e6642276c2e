Feature: A site of your own
  Servers that are not ours: Python's http.server behind HAProxy, from one YAML file and a role beside it.

  @pr
  Scenario: One of its servers dies
    Given the infrastructure in "../fixtures/examples/python-site/site.yaml"
    And every "page server" node takes 2 s to boot
    And 50 requests/s of read traffic
    And 2 users browse the site
    When a random "page server" node dies
    Then availability throughout is at least 99%
    And 2 "page server" nodes are in rotation
    And recovery takes under 30 s
