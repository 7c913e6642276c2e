Feature: Faults that can't be told
  Scenario: Values that change nothing or can't be
    Given 4 webservers behind haproxy
    When the network of a random webserver loses 0% of packets
    And the network of a random webserver gains 0 s of delay
    And the network of a random webserver gains 10 ms of delay with 20 ms of jitter
    And the network of a random webserver is limited to 0 bit/s
    And the network of a random webserver is limited to 1 MB/s
    And port 0 of a random webserver is blackholed
    And port 70000 of a random webserver is rejected
    And 120% of the CPU of a random webserver is taken
    And 95% of the memory of a random webserver is taken
    And process "nginx" on a random webserver dies of SIGSTOP
    And process "nginx" on a random webserver restarts for 5 s
    And a random webserver dies at random times, every 20 s on average, for 5 s
    And each webserver hangs in turn
    Then recovery < 1 min

  Scenario: Tables that say too little or too much
    Given 4 webservers behind haproxy
    When these faults strike:
    And these faults strike:
      | fault | target             |
      | dies  | a random webserver |
    And these faults strike:
      | at  | fault | target             | whom |
      | 0 s | dies  | a random webserver | me   |
    And these faults strike:
      | at   | fault | target             |
      | soon | dies  | a random webserver |
    And these faults strike:
      | at  | fault    | target             | for |
      | 0 s | hangs    | a random webserver | 1 s |
      | 1 s | explodes | a random webserver |     |
    And these faults strike:
      | at  | fault | target             | for |
      | 0 s | dies  | a random webserver | 5 s |
    And these faults strike:
      | at  | fault                                 |
      | 0 s | a random webserver dies every 1 s for 5 s |
    And these faults strike:
      | at  | fault                | target             |
      | 0 s | loses 0% of packets  | a random webserver |
    And random faults strike for 1 min:
      | fault | target             | mean |
      | dies  | a random webserver | 0 s  |
    And random faults strike for 5 s:
      | fault | target             | mean  |
      | dies  | a random webserver | 1 min |
    Then recovery < 1 min

  Scenario: Safeguards that guard nobody or everybody
    Given 4 webservers behind haproxy
    And at most 0 webservers are struck at once
    And at most 0% of zone "a" is struck at once
    And the run aborts if availability is over 50% for 5 s
    When a random webserver dies
    Then recovery < 1 min

  Scenario: Several rows, and a column, that are slips
    Given 4 webservers behind haproxy
    When these faults strike:
      | at  | fualt | target             |
      | 1 s | dies  | a random webserver |
    And these faults strike:
      | at   | fault    | target             |
      | soon | dies     | a random webserver |
      | 1 s  | dies     | a random webserver |
      | 2 s  | explodes | a random webserver |
    Then recovery takes under 1 min
