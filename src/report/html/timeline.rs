//! A history on the time axis of the plots: seconds since the scenario's zero, faults as windows, moments as marks.
//!
//! Owns only what is drawn. What is judged is measured elsewhere and comes with the record.

use super::bins::{Stretch, bin_width_s};
use super::origin::Origin;
use super::written::{Became, written};
use crate::history::{Event, History};
use crate::instance::PowerState;
use crate::measure::moments::{Moments, server_of, watched};
use crate::report::record::{MilestoneRow, MilestoneState, Milestones, ScenarioRecord};
use crate::report::words::since_t0;

/// Bins are this wide while they fit.
const FINEST_BIN_S: f64 = 0.1;
/// Up to this many fit: 2 min of the finest.
const MOST_BINS: usize = 1200;
/// The plots around t0 have at most this many bins, of at least [`FINEST_FOCUS_BIN_S`].
const MOST_FOCUS_BINS: usize = 250;
/// See [`MOST_FOCUS_BINS`].
const FINEST_FOCUS_BIN_S: f64 = 0.01;
/// A p99 wants at least this many samples to differ from the maximum.
pub const SAMPLES_FOR_P99: f64 = 100.0;

/// So many writes are in a bin on average, at least.
const WRITES_IN_A_BIN: f64 = 10.0;

/// A stretch in which at least one fault was in force.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultWindow {
    pub from_s: f64,
    pub to_s: f64,
}

/// A fault on one server, while it was in force.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerFault {
    pub server: String,
    /// Its name: `hangs`.
    pub fault: String,
    pub window: FaultWindow,
}

/// A moment that has a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Since the scenario's zero.
    pub at_s: f64,
    pub label: String,
}

/// A history, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelinePlot {
    zero_us: u64,
    /// Probes due a second.
    pub rate: f64,
    /// From zero to the end of the watch.
    pub whole: Stretch,
    /// The same in bins that are wide enough for a p99.
    pub whole_for_p99: Stretch,
    /// From a little before t0 until normal; `None` where the whole shows that well enough.
    pub focus: Option<Stretch>,
    /// The writes of users in the same two, by [`Became::ALL`]; `None` where there are none.
    pub writes: Option<(Stretch, Option<Stretch>)>,
    /// Apart from each other, in the order of their begins.
    pub windows: Vec<FaultWindow>,
    /// The same by server; those of one server may overlap.
    pub faults: Vec<ServerFault>,
    /// What the labels of its axis count from.
    pub origin: Origin,
    /// t0, since zero.
    pub t0_s: Option<f64>,
    pub marks: Vec<Mark>,
}

impl TimelinePlot {
    /// The timeline of a scenario; `None` if nothing was probed. `share` is how many scenarios share the file: the
    /// more, the wider the bins, so that the file stays small.
    pub fn of(history: &History, record: &ScenarioRecord, share: usize) -> Option<TimelinePlot> {
        TimelinePlot::coarser(history, record, share, 1)
    }

    /// The same with so many times fewer bins.
    pub fn coarser(history: &History, record: &ScenarioRecord, share: usize, times: usize) -> Option<TimelinePlot> {
        let zero_us = zero_us(history);
        let end_s = end_s(history, zero_us);
        if history.probes.is_empty() || end_s <= 0.0 {
            return None;
        }
        let rate = history.plan.settings.load.rate;
        let cut = |range_s, bin_s| Stretch::cut(&history.probes, zero_us, range_s, bin_s, record.deadline_ms);
        let whole_s = (0.0, end_s);
        let faults = faults(history, record, zero_us, end_s);
        let bin_s = bin_width_s(end_s, FINEST_BIN_S, (15_000 / share.max(1)).clamp(100, MOST_BINS) / times);
        let p99_bin_s = bin_s * (SAMPLES_FOR_P99 / (rate * bin_s).max(1e-9)).ceil().clamp(1.0, 1000.0);
        let whole = cut(whole_s, bin_s);
        let focus = focus_s(&record.milestones, end_s)
            .map(|range| cut(range, bin_width_s(range.1 - range.0, FINEST_FOCUS_BIN_S, MOST_FOCUS_BINS / times)));
        Some(TimelinePlot {
            zero_us,
            rate,
            whole_for_p99: if p99_bin_s == bin_s { whole.clone() } else { cut(whole_s, p99_bin_s) },
            writes: writes(&written(history, record), zero_us, (&whole, focus.as_ref())),
            whole,
            focus,
            windows: merged(faults.iter().map(|fault| fault.window.clone()).collect()),
            faults,
            origin: Origin::of(record),
            t0_s: record.milestones.t0_at_s,
            marks: marks(record),
        })
    }

    /// Where a moment of the run's clock lies, in seconds since the scenario's zero.
    pub fn since_zero_s(&self, at_us: u64) -> f64 {
        since_s(self.zero_us, at_us)
    }
}

/// In bins that are wide enough for some writes each, so that the plot is no comb.
fn writes(
    written: &[(u64, Became)],
    zero_us: u64,
    (whole, focus): (&Stretch, Option<&Stretch>),
) -> Option<(Stretch, Option<Stretch>)> {
    let writes: Vec<(u64, usize)> = written.iter().map(|(at_us, became)| (*at_us, *became as usize)).collect();
    let per_s = writes.len() as f64 / (whole.range_s.1 - whole.range_s.0);
    let wide = |of: &Stretch| of.bin_s * (WRITES_IN_A_BIN / (per_s * of.bin_s)).ceil().clamp(1.0, 1000.0);
    let cut = |of: &Stretch| Stretch::of_moments(&writes, zero_us, of.range_s, wide(of));
    (!writes.is_empty()).then(|| (cut(whole), focus.map(cut)))
}

fn since_s(zero_us: u64, at_us: u64) -> f64 {
    (at_us as f64 - zero_us as f64) / 1e6
}

/// The scenario's zero: the steady baseline's begin, or, where there was none, the attempt's.
fn zero_us(history: &History) -> u64 {
    let begun = || watched(history).first().map(|first| first.at_us);
    Moments::of(history).zero_us.or_else(begun).unwrap_or(0)
}

fn end_s(history: &History, zero_us: u64) -> f64 {
    since_s(zero_us, Moments::of(history).end_us)
}

/// From a little before t0 until a little after the last milestone, if that is less than half of the watch.
fn focus_s(milestones: &Milestones, end_s: f64) -> Option<(f64, f64)> {
    let t0_s = milestones.t0_at_s?;
    let last_s = named(milestones).into_iter().map(|(_, at_s)| at_s).fold(0.0, f64::max);
    let span_s = (last_s * 1.25).max(1.0);
    let (from_s, to_s) = ((t0_s - 0.15 * span_s).max(0.0), (t0_s + span_s).min(end_s));
    (to_s - from_s < end_s / 2.0).then_some((from_s, to_s))
}

/// A confirmed fault is in force from its onset until it was healed or its victim was there again; else until the end.
fn faults(history: &History, record: &ScenarioRecord, zero_us: u64, end_s: f64) -> Vec<ServerFault> {
    let begun = record.strikes.iter().filter_map(|strike| Some((strike, strike.onset_at_s?)));
    begun
        .map(|(strike, from_s)| {
            let server = server_of(&strike.target);
            let there_again = || there_again_s(history, (strike.strike, server), zero_us, from_s);
            let window =
                FaultWindow { from_s, to_s: strike.healed_at_s.or_else(there_again).unwrap_or(end_s).min(end_s) };
            ServerFault { server: server.into(), fault: strike.fault.clone(), window }
        })
        .collect()
}

/// When a server was ready again, or the process that a strike killed there was back; of an inventory's server, which nothing here
/// makes ready, also when it ran again after it was down.
fn there_again_s(history: &History, (number, server): (u32, &str), zero_us: u64, from_s: f64) -> Option<f64> {
    let is_attached = history.plan.infrastructure.is_attached();
    let mut was_down = false;
    let mut after = watched(history).iter().filter(|record| since_s(zero_us, record.at_us) > from_s);
    let again = after.find(|record| match &record.event {
        Event::ServerReady { server: ready, .. } => ready == server,
        Event::ProcessBack { strike, target, .. } => *strike == number && server_of(target) == server,
        Event::InstanceState { server: of, state: PowerState::Running, .. } if of == server => is_attached && was_down,
        Event::InstanceState { server: of, state: PowerState::Stopped | PowerState::Terminated, .. }
            if of == server =>
        {
            was_down = true;
            false
        }
        _ => false,
    });
    again.map(|record| since_s(zero_us, record.at_us))
}

/// The same time, in windows that don't overlap.
fn merged(mut windows: Vec<FaultWindow>) -> Vec<FaultWindow> {
    windows.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    let mut merged: Vec<FaultWindow> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.from_s <= last.to_s => last.to_s = last.to_s.max(window.to_s),
            _ => merged.push(window),
        }
    }
    merged
}

/// The milestones in the order of their times, and the strikes that no witness confirmed.
fn marks(record: &ScenarioRecord) -> Vec<Mark> {
    let milestones = &record.milestones;
    let unconfirmed = record.strikes.iter().filter(|strike| strike.onset_at_s.is_none());
    let mut marks: Vec<Mark> = unconfirmed
        .filter_map(|strike| Some(Mark { at_s: strike.injected_at_s?, label: "struck, not confirmed".into() }))
        .collect();
    marks.dedup();
    if let Some(t0_s) = milestones.t0_at_s {
        marks.push(Mark { at_s: t0_s, label: "onset".into() });
        let reached = named(milestones).into_iter();
        marks.extend(
            reached
                .map(|(name, after_s)| Mark { at_s: t0_s + after_s, label: format!("{name} {}", since_t0(after_s)) }),
        );
    }
    marks.extend(record.relapses.iter().map(|relapse| {
        let label = format!("relapse: {}", relapse.what);
        Mark { at_s: relapse.start_at_s, label }
    }));
    marks.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    marks
}

/// The milestones that came, with the words they go by and their seconds after t0, in the order of their times.
pub fn named(milestones: &Milestones) -> Vec<(&str, f64)> {
    let came = |row: &'_ MilestoneRow| match row.state {
        MilestoneState::At { after_t0_s, .. } => Some(after_t0_s),
        _ => None,
    };
    milestones.rows.iter().filter_map(|row| Some((row.name.as_str(), came(row)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Record;
    use crate::history::synthetic::Script;
    use crate::report::sample;

    fn timeline(index: u32) -> TimelinePlot {
        let run = sample::run();
        TimelinePlot::of(&sample::history(index), &run.record.scenarios[index as usize], 1).unwrap()
    }

    #[test]
    fn every_probe_since_zero_is_in_exactly_one_bin() {
        let timeline = timeline(1);
        let counted: u32 = timeline.whole.bins.iter().flat_map(|bin| bin.counts).sum();
        assert_eq!(counted, 75 * 500);
        assert!(timeline.whole.bins.iter().all(|bin| bin.counts.iter().sum::<u32>() == 50));
    }

    #[test]
    fn an_outage_of_3300_ms_is_1650_bad_probes_from_t0() {
        let timeline = timeline(1);
        let bad: u32 = timeline.whole.bins.iter().map(|bin| bin.counts[1..].iter().sum::<u32>()).sum();
        assert_eq!(bad, 1650);
        let first = timeline.whole.bins.iter().find(|bin| bin.counts[0] < 50).unwrap();
        assert!((first.start_s - 6.0).abs() < 1e-6, "{}", first.start_s);
    }

    #[test]
    fn a_p99_rests_on_at_least_a_hundred_probes() {
        let timeline = timeline(0);
        assert!((timeline.whole_for_p99.bin_s - 0.2).abs() < 1e-12, "{}", timeline.whole_for_p99.bin_s);
        assert!(timeline.whole_for_p99.bins.iter().all(|bin| bin.counts.iter().sum::<u32>() == 100));
    }

    #[test]
    fn a_dead_servers_fault_ends_when_its_replacement_is_ready() {
        let window = &timeline(0).windows[0];
        assert!((window.from_s - 6.0).abs() < 1e-9 && (window.to_s - 8.4).abs() < 1e-6, "{window:?}");
    }

    #[test]
    fn that_of_a_killed_process_ends_when_it_is_back() {
        let back = |target: &str| Event::ProcessBack { strike: 0, target: target.into(), evidence: "1 process".into() };
        let script = Script::website(4, 2).strike(6000, "process-dies", &["web-1", "web-2"]);
        let history = script.event(8000, back("web-1")).history();
        let record = crate::judge::judge(&history);
        let timeline = TimelinePlot::of(&history, &record, 1).unwrap();
        let lengths: Vec<f64> = timeline.faults.iter().map(|fault| fault.window.to_s - fault.window.from_s).collect();
        assert!((lengths[0] - 2.0).abs() < 0.1 && lengths[1] > 5.0, "the other one stays dead: {lengths:?}");
    }

    #[test]
    fn on_an_inventory_it_ends_when_its_server_runs_again() {
        let script = Script::website(4, 2).dies(6000, "lb-1").state(8000, "lb-1", 1, PowerState::Running);
        let mut history = script.history();
        let record = crate::judge::judge(&history);
        let until_s = |history: &History| TimelinePlot::of(history, &record, 1).unwrap().windows[0].to_s;
        let (end_s, from_s) = (until_s(&history), TimelinePlot::of(&history, &record, 1).unwrap().windows[0].from_s);
        history.plan.infrastructure.entry.url = Some("http://192.0.2.1".to_string().try_into().unwrap());
        assert!((until_s(&history) - from_s - 2.0).abs() < 0.1, "{}", until_s(&history) - from_s);
        assert!(end_s > until_s(&history) + 1.0, "where servers are booted, a replacement must be ready");
    }

    #[test]
    fn faults_that_overlap_are_one_window() {
        let window = |from_s, to_s| FaultWindow { from_s, to_s };
        let windows = vec![window(7.0, 8.0), window(1.0, 5.0), window(2.0, 3.0), window(4.0, 6.0)];
        assert_eq!(merged(windows), [window(1.0, 6.0), window(7.0, 8.0)]);
    }

    #[test]
    fn a_fault_that_was_not_confirmed_is_marked_but_not_shaded() {
        let timeline = timeline(2);
        assert_eq!(timeline.windows, []);
        assert_eq!(timeline.marks, [Mark { at_s: 6.0, label: "struck, not confirmed".into() }]);
    }

    #[test]
    fn zero_is_that_of_the_last_attempt() {
        let mut history = sample::history(0);
        let restarted = Record { event: Event::ScenarioStarted { attempt: 2 }, ..history.events[0].clone() };
        history.events.push(Record { at_us: 90_000_000, ..restarted });
        assert_eq!(zero_us(&history), 90_000_000, "the second attempt was never steady");
    }

    #[test]
    fn the_time_around_t0_is_cut_finely() {
        let (focus, milestones) = (timeline(0).focus.unwrap(), sample::run().record.scenarios[0].milestones.clone());
        let (t0_s, span_s) = (milestones.t0_at_s.unwrap(), milestones.normal_after_t0_s.unwrap() * 1.25);
        let (from_s, to_s) = focus.range_s;
        assert!((from_s - (t0_s - 0.15 * span_s)).abs() < 1e-9 && (to_s - (t0_s + span_s)).abs() < 1e-9);
        let bad: u32 = focus.bins.iter().map(|bin| bin.counts[1..].iter().sum::<u32>()).sum();
        assert_eq!((focus.bin_s, bad), (0.02, 42));
        assert_eq!(timeline(2).focus, None, "there was no t0");
    }

    #[test]
    fn where_nothing_was_probed_nothing_is_drawn() {
        let run = sample::run();
        assert_eq!(TimelinePlot::of(&sample::history(3), &run.record.scenarios[3], 1), None);
    }
}
