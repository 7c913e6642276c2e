//! What Docker reported of the containers that stood for servers.

use crate::history::{Event, History};
use crate::measure::Timeline;
use crate::measure::moments::watched;
use crate::report::record::ContainerRecord;

use super::scenario::{origin_us, since};

/// In the order in which it came, from the scenario's zero on.
pub(super) fn containers(history: &History, timeline: &Timeline) -> Vec<ContainerRecord> {
    let zero_us = origin_us(timeline);
    let told = watched(history).iter().filter(|record| record.at_us >= zero_us).filter_map(|record| {
        let Event::ContainerChanged { server, change, .. } = &record.event else { return None };
        Some(ContainerRecord {
            at_s: since(record.at_us, zero_us),
            server: server.clone(),
            what: change.word().into(),
            detail: change.detail(),
            trouble: change.is_trouble(),
        })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::instance::ContainerChange;

    #[test]
    fn what_befell_a_container_is_told_from_the_baseline_on() {
        let changed =
            |change| Event::ContainerChanged { server: "web-1".into(), container: "3f9a1c2b7d5e".into(), change };
        let script = Script::website(2, 1)
            .event(500, changed(ContainerChange::Health { healthy: true, output: String::new() }))
            .event(4000, changed(ContainerChange::OutOfMemory))
            .event(4010, changed(ContainerChange::Exited { exit_code: 137 }))
            .event(4500, changed(ContainerChange::Restarted { count: 1 }));
        let history = script.history();
        let found = containers(&history, &Timeline::of(&history));
        let told: Vec<_> = found.iter().map(|one| (one.what.as_str(), one.trouble)).collect();
        assert_eq!(told, [("out of memory", true), ("exited", true), ("restarted", false)]);
        assert!((found[0].at_s - 3.0).abs() < 1e-9, "the baseline starts after 1 s: {}", found[0].at_s);
    }
}
