//! What each nginx counted from the baseline's start until the watch ended.

use std::collections::BTreeMap;

use crate::history::{Event, History};
use crate::measure::Timeline;
use crate::measure::moments::watched;
use crate::report::record::NginxRecord;

use super::scenario::origin_us;

/// What one nginx counted so far.
struct Counted {
    record: NginxRecord,
    /// Accepted, handled and requests, as it said them last.
    last: [u64; 3],
}

/// By the names of the servers.
pub(super) fn nginx(history: &History, timeline: &Timeline) -> Vec<NginxRecord> {
    let zero_us = origin_us(timeline);
    let mut counted: BTreeMap<&str, Counted> = BTreeMap::new();
    for record in watched(history).iter().filter(|record| record.at_us >= zero_us) {
        let Event::NginxStatus { server, active, accepted, handled, requests, .. } = &record.event else { continue };
        let now = [*accepted, *handled, *requests];
        match counted.get_mut(server.as_str()) {
            Some(counted) => counted.add(*active, now),
            None => drop(counted.insert(server, Counted::new(server, *active, now))),
        }
    }
    counted.into_values().map(|counted| counted.record).collect()
}

impl Counted {
    fn new(server: &str, active: u64, last: [u64; 3]) -> Counted {
        let record = NginxRecord {
            server: server.into(),
            active_least: active,
            active_most: active,
            requests: 0,
            accepted: 0,
            dropped: 0,
            starts: 0,
        };
        Counted { record, last }
    }

    /// An nginx that was started anew counts from 0.
    fn add(&mut self, active: u64, now: [u64; 3]) {
        let anew = now.iter().zip(self.last).any(|(now, last)| *now < last);
        let before = if anew { [0; 3] } else { self.last };
        let [accepted, handled, requests] = [0, 1, 2].map(|n| now[n].saturating_sub(before[n]));
        let record = &mut self.record;
        record.active_least = record.active_least.min(active);
        record.active_most = record.active_most.max(active);
        record.requests = record.requests.saturating_add(requests);
        record.accepted = record.accepted.saturating_add(accepted);
        record.dropped = record.dropped.saturating_add(accepted.saturating_sub(handled));
        record.starts += u32::from(anew);
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;

    #[test]
    fn counts_are_of_the_watch_and_a_new_nginx_counts_from_0() {
        let said = |active, accepted, handled, requests| Event::NginxStatus {
            server: "web-1".into(),
            active,
            accepted,
            handled,
            requests,
            reading: 0,
            writing: 1,
            waiting: 0,
        };
        let script = Script::website(2, 1)
            .event(500, said(90, 9000, 9000, 9000))
            .event(2000, said(3, 9010, 9010, 9100))
            .event(3000, said(7, 9030, 9025, 9300))
            .event(4000, said(1, 4, 4, 6));
        let history = script.history();
        let found = nginx(&history, &Timeline::of(&history));
        let expected = NginxRecord {
            server: "web-1".into(),
            active_least: 1,
            active_most: 7,
            requests: 206,
            accepted: 24,
            dropped: 5,
            starts: 1,
        };
        assert_eq!(found, [expected]);
    }
}
