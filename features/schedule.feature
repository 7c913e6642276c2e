Feature: Faults come one after the other, together, and unforeseen
  Background:
    Given 4 webservers behind haproxy

  Rule: A table says what strikes when
    @nightly
    Scenario: A slow network, then a webserver that dies in it
      When these faults strike:
        | at  | fault                | target             | for |
        | 0 s | gains 20 ms of delay | every webserver    | 6 s |
        | 2 s | dies                 | a random webserver |     |
      Then availability throughout is at least 99%
      And 4 webservers are in rotation

    @nightly
    Scenario: All faults are lifted
      When node "web-1" hangs
      And port 80 of node "web-2" is rejected
      And 4 s pass
      And all faults are lifted
      Then 4 webservers are in rotation
      And recovery takes under 30 s

  Rule: Chance says what strikes when
    @nightly
    Scenario: Faults at random
      Given at most 50% of the webservers are struck at once
      When random faults strike for 20 s:
        | fault                | target             | mean |
        | dies                 | a random webserver | 10 s |
        | gains 50 ms of delay | a random webserver | 10 s |
      Then availability throughout is at least 99%
      And 4 webservers are in rotation

    @nightly
    Scenario: Webservers die when nobody foresees it
      When a random webserver dies at random times, every 5 s on average, for 20 s
      Then availability throughout is at least 98%
      And 4 webservers are in rotation

  Rule: The busiest server is no more than one of four
    @nightly
    Scenario: The busiest webserver dies
      When the busiest webserver dies
      Then availability throughout is at least 99%
      And recovery takes under 30 s
