//! What users met, as three facts that stand side by side: the probes, what users wrote, and how long everything was
//! slow. None of them speaks for another: a site can answer every probe and serve no write.

use std::time::Duration;

use serde::Serialize;

use super::record::{DataFigures, ScenarioRecord, SlownessRecord};
use super::words::{grouped, seconds};
use crate::clock::micros;
use crate::measure::Known;

/// The three facts of a scenario; one is `None` where nothing was measured that could tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub probes: Option<Fact>,
    /// Only where users write.
    pub writes: Option<Fact>,
    pub slowness: Option<Fact>,
}

/// One fact, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// `6 of 39,365 probes failed, 84 ms of downtime`
    pub sentence: String,
    /// What it is about, for a tile: `failed probes`.
    pub name: &'static str,
    /// The figure alone: `6 of 39,365`.
    pub figure: String,
    /// What is to be said beside the figure: `84 ms of downtime`.
    pub note: String,
    /// What explains the figure, in a sentence of its own.
    pub aside: Option<String>,
    /// Users met something.
    pub felt: bool,
    /// Another fact says the same already, so that no sentence repeats it.
    pub repeats: bool,
}

impl Facts {
    /// The facts of a scenario.
    pub fn of(scenario: &ScenarioRecord) -> Facts {
        Facts {
            probes: probes(scenario),
            writes: scenario.data.as_ref().and_then(writes),
            slowness: scenario.slowness.as_ref().map(|slow| slowness(slow, scenario)),
        }
    }

    /// Those that are known, in their order.
    pub fn known(&self) -> impl Iterator<Item = &Fact> {
        [&self.probes, &self.writes, &self.slowness].into_iter().flatten()
    }

    fn told_once(&self) -> impl Iterator<Item = &Fact> {
        self.known().filter(|fact| !fact.repeats)
    }

    /// All of them in one line; `None` where none is known.
    pub fn line(&self) -> Option<String> {
        let sentences: Vec<&str> = self.told_once().map(|fact| fact.sentence.as_str()).collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }

    /// For a sentence: what users met. "No downtime" only if no fact says otherwise.
    pub fn told(&self) -> Option<String> {
        let felt = self.known().filter(|fact| fact.felt).count() > 0;
        let told: Vec<&str> = match &self.probes {
            Some(_) if !felt => return Some("users saw no downtime".into()),
            _ => {
                let worth = |fact: &&Fact| fact.felt || fact.name == PROBES;
                self.told_once().filter(worth).map(|fact| fact.sentence.as_str()).collect()
            }
        };
        (!told.is_empty()).then(|| told.join("; "))
    }
}

const PROBES: &str = "failed probes";

fn probes(scenario: &ScenarioRecord) -> Option<Fact> {
    let (due, failed) = (scenario.probes_due?, scenario.probes_failed?);
    let fact = |sentence, note, felt| Fact {
        sentence,
        name: PROBES,
        figure: format!("{} of {}", grouped(failed), grouped(due)),
        note,
        aside: late_but_good(scenario).then(|| late_is_good(failed, scenario)),
        felt,
        repeats: false,
    };
    if failed == 0 {
        return Some(fact("no probe failed".into(), "no outage".into(), false));
    }
    let note = downtime(scenario);
    let sentence = format!("{} of {} probes failed, {note}", grouped(failed), grouped(due));
    Some(fact(sentence, note, true))
}

/// `84 ms of downtime`, `14 s of downtime in 3 outages, 2 min in model time`.
fn downtime(scenario: &ScenarioRecord) -> String {
    let total_s = scenario.downtime_total_s.unwrap_or_default();
    let mut text = format!("{} of downtime", within_resolution(total_s, scenario));
    if let Some(outages @ 2..) = scenario.outages {
        text += &format!(" in {outages} outages");
    }
    let modelled = scenario.model.as_ref().and_then(|model| model.downtime_total_s);
    if let Some(modelled) = modelled.filter(|modelled| *modelled != total_s) {
        text += &format!(", {} in model time", seconds(modelled));
    }
    text
}

/// A time between two probes, as finely as they can tell: `84 ms`, or `≤ 31 ms` where it can't be told from nothing.
pub fn within_resolution(value_s: f64, scenario: &ScenarioRecord) -> String {
    let resolution_us = scenario.validity.resolution_ms.map_or(0, |ms| (ms * 1e3).round() as u64);
    Known::within(micros_of(value_s), resolution_us).to_string()
}

fn micros_of(value_s: f64) -> u64 {
    micros(Duration::from_secs_f64(value_s.max(0.0)))
}

fn writes(data: &DataFigures) -> Option<Fact> {
    let asked = data.writes_acked + data.writes_indeterminate + data.writes_refused;
    if asked == 0 {
        return None;
    }
    let DataFigures { writes_not_served: not_served, writes_indeterminate: indeterminate, .. } = data;
    let lost = data.writes_lost.map_or("unknown how many lost".into(), |lost| format!("{} lost", grouped(lost)));
    let figure = format!("{} of {}", grouped(*not_served), grouped(asked));
    let note = format!("{} indeterminate, {lost}", grouped(*indeterminate));
    Some(Fact {
        sentence: format!("{figure} writes were not served, {note}"),
        name: "writes not served",
        figure,
        note,
        aside: None,
        repeats: false,
        felt: *not_served > 0 || *indeterminate > 0 || data.writes_lost.is_none_or(|lost| lost > 0),
    })
}

/// Why slowness lasted longer than any outage.
fn late_is_good(failed: u64, scenario: &ScenarioRecord) -> String {
    let deadline = seconds(scenario.deadline_ms / 1e3);
    let late = format!("requests answered late, within the deadline of {deadline}, count as good");
    if failed == 0 { late } else { format!("no request failed for longer; {late}") }
}

/// Whether there surely were requests that were slow and good. An outage alone makes a bin slow only if it takes more than
/// half of it, and a stretch of bins only if it is longer than all of them but one.
fn late_but_good(scenario: &ScenarioRecord) -> bool {
    let outage = scenario.downtime_total_s.zip(scenario.downtime_longest_s);
    let (Some(slow), Some((total_s, longest_s))) = (&scenario.slowness, outage) else { return false };
    let felt = slow.total_s > 0.0 && slow.over_ms < scenario.deadline_ms;
    felt && (slow.total_s >= 2.0 * total_s || slow.longest_s - longest_s >= slow.resolution_s)
}

/// Whether the only slow stretch is the only outage: as long, and too long to be another one of that length by chance.
fn repeats_the_outage(slow: &SlownessRecord, scenario: &ScenarioRecord) -> bool {
    let outage_s = scenario.downtime_longest_s.filter(|_| scenario.outages == Some(1));
    let as_long = outage_s.is_some_and(|outage_s| (slow.longest_s - outage_s).abs() < slow.resolution_s);
    as_long && slow.total_s == slow.longest_s && slow.longest_s >= 3.0 * slow.resolution_s
}

fn slowness(slow: &SlownessRecord, scenario: &ScenarioRecord) -> Fact {
    let over = seconds(slow.over_ms / 1e3);
    let felt = slow.total_s > 0.0;
    let known = Known::within(micros_of(slow.total_s), micros_of(slow.resolution_s));
    let figure = if felt { known.to_string() } else { "none".into() };
    let steps = format!("seen in steps of {}", seconds(slow.resolution_s));
    let sentence = match (felt, known.low_us) {
        (true, 0) => {
            let most = seconds(slow.total_s + slow.resolution_s);
            format!("for at most {most}, {steps}, more than half of the requests took over {over}")
        }
        (true, _) => format!("for {figure} more than half of the requests took over {over}"),
        (false, _) => format!("never slow (over {over})"),
    };
    let note =
        format!("over half of the requests took > {over}{}", if felt { format!("; {steps}") } else { "".into() });
    Fact { sentence, name: "slow", figure, note, aside: None, felt, repeats: repeats_the_outage(slow, scenario) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// A scenario of which each fact is as wanted: failed probes, writes not served, seconds of slowness.
    fn scenario(failed: u64, not_served: Option<u64>, slow_s: f64) -> ScenarioRecord {
        let mut scenario = sample::run().record.scenarios.remove(0);
        (scenario.probes_due, scenario.probes_failed) = (Some(39_365), Some(failed));
        scenario.downtime_total_s = Some(failed as f64 * 0.002);
        scenario.downtime_longest_s = scenario.downtime_total_s;
        scenario.outages = Some(u32::from(failed > 0));
        scenario.validity.resolution_ms = Some(19.0);
        scenario.data = not_served.map(|not_served| DataFigures {
            writes_acked: 612 - not_served,
            writes_refused: not_served,
            writes_not_served: not_served,
            writes_lost: Some(0),
            ..DataFigures::default()
        });
        let slow = SlownessRecord { over_ms: 500.0, total_s: slow_s, longest_s: slow_s, resolution_s: 0.1 };
        scenario.slowness = Some(slow);
        scenario
    }

    fn told(failed: u64, not_served: Option<u64>, slow_s: f64) -> String {
        Facts::of(&scenario(failed, not_served, slow_s)).told().unwrap()
    }

    #[test]
    fn users_saw_no_downtime_only_if_none_of_the_three_says_otherwise() {
        assert_eq!(told(0, None, 0.0), "users saw no downtime");
        assert_eq!(told(0, Some(0), 0.0), "users saw no downtime");
        assert_eq!(
            told(0, Some(10), 0.0),
            "no probe failed; 10 of 612 writes were not served, 0 indeterminate, 0 lost"
        );
        assert_eq!(told(0, None, 1.3), "no probe failed; for 1.3 s more than half of the requests took over 500 ms");
        assert_eq!(told(42, Some(0), 0.0), "42 of 39,365 probes failed, 84 ms of downtime");
    }

    #[test]
    fn slowness_says_how_finely_it_was_seen_and_never_repeats_an_outage() {
        let short = "for at most 200 ms, seen in steps of 100 ms, more than half of the requests took over 500 ms";
        assert_eq!(told(0, None, 0.1), format!("no probe failed; {short}"));
        assert_eq!(told(42, None, 0.1), format!("42 of 39,365 probes failed, 84 ms of downtime; {short}"));
        assert_eq!(told(700, None, 1.4), "700 of 39,365 probes failed, 1.4 s of downtime");
        let longer = "for 3 s more than half of the requests took over 500 ms";
        assert_eq!(told(700, None, 3.0), format!("700 of 39,365 probes failed, 1.4 s of downtime; {longer}"));
        let mut twice = scenario(700, None, 1.4);
        twice.outages = Some(2);
        assert!(Facts::of(&twice).told().unwrap().contains("for 1.4 s more than half"), "it may be another stretch");
    }

    #[test]
    fn that_late_is_good_is_said_only_where_slowness_outlasted_the_outage() {
        let aside = |failed, slow_s| Facts::of(&scenario(failed, None, slow_s)).probes.unwrap().aside;
        let late = "requests answered late, within the deadline of 5 s, count as good";
        assert_eq!(aside(5, 0.1).unwrap(), format!("no request failed for longer; {late}"));
        assert_eq!(aside(0, 0.1).unwrap(), late);
        assert_eq!(aside(700, 3.0).unwrap(), format!("no request failed for longer; {late}"));
        for (failed, slow_s) in [(0, 0.0), (5, 0.0), (42, 0.1), (700, 1.4)] {
            assert_eq!(aside(failed, slow_s), None, "{failed} failed, slow for {slow_s} s");
        }
    }

    #[test]
    fn unknown_losses_are_not_no_losses() {
        let mut unread = scenario(0, Some(0), 0.0);
        unread.data.as_mut().unwrap().writes_lost = None;
        assert!(Facts::of(&unread).told().unwrap().contains("unknown how many lost"));
    }

    #[test]
    fn a_downtime_below_its_resolution_is_an_upper_bound() {
        assert_eq!(told(6, None, 0.0), "6 of 39,365 probes failed, ≤ 31 ms of downtime");
    }

    #[test]
    fn where_nothing_was_probed_nothing_is_said() {
        let skipped = sample::run().record.scenarios.remove(4);
        assert_eq!(Facts::of(&skipped).told(), None);
        assert_eq!(Facts::of(&skipped).line(), None);
    }
}
