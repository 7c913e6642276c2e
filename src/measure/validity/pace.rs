//! Whether the users of a workload came at the pace that was asked for. What a slow site cost them is the site's; the rest is this machine's.

use crate::history::History;
use crate::history::work::OBSERVER;
use crate::measure::phases::phase_span;
use crate::measure::timeline::Timeline;
use crate::plan::Phase;
use crate::units::trimmed;

/// The share of the operations for which the site's answers left time that must have been sent.
const SENT: f64 = 0.9;
/// Of fewer operations nothing is said: their pauses are drawn, with a spread of 2 % at that many.
const FEWEST: f64 = 200.0;

/// Why it was not the pace that was asked for.
pub fn reason(history: &History, timeline: &Timeline) -> Option<String> {
    let load = &history.plan.settings.load;
    if history.plan.workload.is_none() || load.operations <= 0.0 || load.users == 0 {
        return None;
    }
    let span = phase_span(timeline, Phase::Throughout).ok()?.span;
    let (mut sent, mut waited_us) = (0, 0);
    for work in history.works.iter().filter(|work| work.process != OBSERVER) {
        sent += u64::from(span.contains(work.invoked_us));
        waited_us += work.ended_us.min(span.to_us).saturating_sub(work.invoked_us.max(span.from_us));
    }
    // A user waits for an answer, or pauses; so many pauses fit between the answers.
    let users = f64::from(load.users);
    let paused_s = (users * span.length_us() as f64 - waited_us as f64).max(0.0) / 1e6;
    let possible = paused_s * load.operations / users;
    let is_starved = possible >= FEWEST && (sent as f64) < possible * SENT;
    is_starved.then(|| {
        let a_second = |count: f64| trimmed(count * 1e6 / span.length_us() as f64, 0);
        format!(
            "the users were starved: they sent {} operations/s, of {} that were asked for and {} for which the site's answers left time",
            a_second(sent as f64),
            trimmed(load.operations, 1),
            a_second(possible)
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::synthetic::Script;
    use crate::history::work::Call;
    use crate::history::{Ended, Work};
    use crate::units::Percent;
    use crate::workload::{CallSpec, Model, Workload, WorkloadSource};

    /// 20 users who are to send 200 operations/s, and pause that long after answers that take that long.
    fn said(operations: f64, answer_ms: u64, pause_ms: u64) -> Option<String> {
        let mut history = Script::website(1, 1).history();
        let load = &mut history.plan.settings.load;
        (load.users, load.operations) = (20, operations);
        history.plan.workload = Some(Workload {
            source: WorkloadSource::File("orders.workload.yaml".into()),
            database: None,
            models: vec![Model::Set { add: CallSpec::default(), read: CallSpec::default() }],
            reads: Percent(20.0),
            settle: Duration::ZERO,
            value_size: 0,
            served_by: None,
        });
        let work = |(process, at_ms): (u32, u64)| Work {
            process,
            key: 0,
            call: Call::ReadAll(None),
            invoked_us: at_ms * 1000,
            ended_us: (at_ms + answer_ms) * 1000,
            outcome: Ended::Ok,
            detail: None,
            served_by: None,
        };
        let every = usize::try_from(answer_ms + pause_ms).unwrap();
        let users = (0..20).flat_map(|user| (0..30_000).step_by(every).map(move |at_ms| (user, at_ms)));
        history.works = users.map(work).collect();
        reason(&history, &Timeline::of(&history))
    }

    #[test]
    fn a_pace_that_is_kept_is_believed() {
        assert_eq!(said(200.0, 5, 100), None);
        assert_eq!(said(200.0, 5, 108), None, "nearly");
        assert_eq!(said(0.0, 5, 1000), None, "no pace was asked for");
    }

    #[test]
    fn a_slow_site_starves_no_user() {
        assert_eq!(said(200.0, 900, 100), None);
    }

    #[test]
    fn a_machine_that_does_not_send_in_time_does() {
        let why = said(200.0, 5, 200).unwrap();
        assert!(
            why.starts_with("the users were starved: they sent 9")
                && why.contains(" operations/s, of 200 that were asked for and 19"),
            "{why}"
        );
        assert!(said(200.0, 900, 300).is_some(), "also beside a slow site");
    }
}
