//! What befell containers, as sentences: `app-1: exited with 137, as after SIGKILL (+0.1 s); restarted by its restart policy, restart 1 (+0.6 s)`.

use std::collections::BTreeMap;

use super::record::{ContainerRecord, ScenarioRecord};
use super::words::{one_line, seconds, since_t0};

/// So much is said of one server.
const MOST: usize = 6;

/// A line for each server to which anything happened; the moments are since the onset, or since the baseline's start where there is none.
pub fn lines(scenario: &ScenarioRecord) -> Vec<String> {
    let mut by_server: BTreeMap<&str, Vec<&ContainerRecord>> = BTreeMap::new();
    for one in &scenario.containers {
        by_server.entry(&one.server).or_default().push(one);
    }
    let t0_at_s = scenario.milestones.t0_at_s;
    let line = |(server, all): (&str, Vec<&ContainerRecord>)| {
        let mut told: Vec<String> = all.iter().take(MOST).map(|one| said(one, t0_at_s)).collect();
        if all.len() > MOST {
            told.push(format!("and {} more", all.len() - MOST));
        }
        format!("{server}: {}", told.join("; "))
    };
    by_server.into_iter().map(line).collect()
}

fn said(one: &ContainerRecord, t0_at_s: Option<f64>) -> String {
    let at = t0_at_s.map_or_else(|| seconds(one.at_s), |t0_s| since_t0(one.at_s - t0_s));
    let what = match one.what.as_str() {
        "out of memory" => "ran out of memory".into(),
        "exited" | "restarted" | "started" => format!("{} {}", one.what, one.detail),
        what if one.detail.is_empty() => what.to_string(),
        what => format!("{what}: {}", one_line(&one.detail)),
    };
    format!("{what} ({at})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::ContainerChange;
    use crate::report::sample;

    #[test]
    fn each_server_has_a_line_of_what_befell_it() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        let one = |at_s, server: &str, change: ContainerChange| ContainerRecord {
            at_s,
            server: server.into(),
            what: change.word().into(),
            detail: change.detail(),
            trouble: change.is_trouble(),
        };
        let unhealthy = ContainerChange::Health { healthy: false, output: "no\nroute".into() };
        scenario.containers = vec![
            one(6.1, "web-2", ContainerChange::OutOfMemory),
            one(6.2, "web-1", unhealthy),
            one(6.2, "web-2", ContainerChange::Exited { exit_code: 137 }),
            one(6.7, "web-2", ContainerChange::Restarted { count: 1 }),
        ];
        assert_eq!(
            lines(&scenario),
            [
                "web-1: unhealthy: no route (+200 ms)",
                "web-2: ran out of memory (+100 ms); exited with 137, as after SIGKILL (+200 ms); restarted by its restart policy, restart 1 (+700 ms)"
            ]
        );
        scenario.containers = vec![one(6.1, "web-2", ContainerChange::Started); 8];
        assert!(lines(&scenario)[0].ends_with("; and 2 more"), "{:?}", lines(&scenario));
    }
}
