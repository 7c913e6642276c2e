//! What a step that is none was meant to be.

use super::message;

#[test]
fn a_number_without_a_unit_is_refused_with_the_step_that_was_meant() {
    let shown = message("no-unit");
    for meant in [
        "Given the reconciler runs every 30 s",
        "When a random webserver hangs for 1 s",
        "When a random webserver hangs for 1.5 s",
        "When 2 random webservers die every 30 s for 120 s",
        "When the network of node \"web-1\" loses 10% of packets for 5 s",
        "Then recovery takes at most 8 s",
        "Then p99 stays under 500 ms",
        "Then availability while degraded is at least 99%",
        "Then failover takes between 1 s and 5 s",
    ] {
        assert!(shown.contains(&format!("did you mean: {meant}\n")), "{meant}\n{shown}");
    }
}
