Feature: A service that ends by itself is reported at once

  Scenario: A mistake in its file
    Given the infrastructure in "mistake.yaml"
    When process "haproxy" on node "lb-1" dies
    Then availability throughout is at least 1%

  Scenario: A job that is done is no service
    Given the infrastructure in "job.yaml"
    When node "job-1" dies
    Then availability throughout is at least 1%

  Scenario: A signal
    Given the infrastructure in "signal.yaml"
    When node "crash-1" dies
    Then availability throughout is at least 1%

  Scenario: One that ends while the entry is waited for
    Given the infrastructure in "entry.yaml"
    When node "lb-1" dies
    Then availability throughout is at least 1%

  Scenario: A daemon that goes on without its first process serves all the same
    Given the infrastructure in "daemon.yaml"
    When node "lb-1" hangs for 1 s
    Then availability throughout is at least 1%
