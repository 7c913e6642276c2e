//! All histories of a run, judged.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::history::{Event, History, Record};
use crate::measure::moments::watched;
use crate::plan::{Plan, ScenarioPlan};
use crate::report::Provenance;
use crate::report::record::{RunRecord, SCHEMA, ScenarioRecord};
use crate::verdict::Verdict;

use super::declared;
use super::leaks::leaks;
use super::scenario::judge;
use crate::exit::{Ending, exit_code};

/// Verdicts, the worst first: a run's is the worst of its scenarios'. What was skipped counts only when all was.
const WORST_FIRST: [Verdict; 5] = [Verdict::Fail, Verdict::Aborted, Verdict::Infra, Verdict::Invalid, Verdict::Pass];

/// A run that is judged history by history: each may be dropped once it was taken in.
#[derive(Debug)]
pub struct Judging<'a> {
    provenance: &'a Provenance,
    plan: &'a Plan,
    scenarios: BTreeMap<u32, ScenarioRecord>,
    signalled: Option<String>,
    killed: Option<String>,
    cleanup_failed: bool,
    last_us: u64,
}

impl<'a> Judging<'a> {
    /// Nothing was judged yet.
    pub fn new(provenance: &'a Provenance, plan: &'a Plan) -> Self {
        let scenarios = BTreeMap::new();
        Judging { provenance, plan, scenarios, signalled: None, killed: None, cleanup_failed: false, last_us: 0 }
    }

    /// Judges one of the plan's scenarios from what was recorded of it. They are taken in the order of the plan.
    pub fn take(&mut self, history: &History) -> &ScenarioRecord {
        let (provenance, scenario) = (self.provenance, &history.plan);
        self.signalled = self.signalled.take().or_else(|| signalled(history));
        self.killed = self.killed.take().or_else(|| stops_in_the_middle(history).then(|| killed_while(history)));
        self.cleanup_failed |= !leaks(history).is_empty();
        self.last_us = self.last_us.max(history.events.last().map_or(0, |record| record.at_us));
        let began_us = watched(history).first().map(|record| record.at_us);
        let record = ScenarioRecord {
            reproduce: declared::reproduce(provenance, scenario),
            started_at: began_us.and_then(|us| rfc_3339(provenance, us)),
            ..judge(history)
        };
        self.scenarios.insert(scenario.index, record);
        &self.scenarios[&scenario.index]
    }

    /// What the run came to; a scenario without a history was not run.
    pub fn end(mut self) -> RunRecord {
        let (provenance, plan) = (self.provenance, self.plan);
        let judged = |scenario: &ScenarioPlan| {
            self.scenarios.remove(&scenario.index).unwrap_or_else(|| never_run(provenance, scenario))
        };
        let scenarios: Vec<ScenarioRecord> = plan.scenarios.iter().map(judged).collect();
        // How the run was interrupted, if it was: also while nothing but the end of a watch was left to do. A run that was
        // killed could not write that down, but its record stops in the middle of a scenario.
        let interrupted = self.signalled.or(self.killed);
        let ending = Ending {
            interrupted: interrupted.is_some(),
            cleanup_failed: self.cleanup_failed,
            usage: false,
            ci: provenance.ci,
            verdicts: scenarios.iter().map(|scenario| scenario.verdict).collect(),
        };
        RunRecord {
            schema: SCHEMA,
            run_id: provenance.run_id.clone(),
            seed: plan.seed,
            environment: plan.environment.clone(),
            verdict: worst(&ending.verdicts),
            exit_code: exit_code(&ending),
            started_at: provenance.started_at.clone(),
            ended_at: rfc_3339(provenance, self.last_us),
            duration_s: self.last_us as f64 / 1e6,
            chimp_version: provenance.chimp_version.clone(),
            kernel: provenance.kernel.clone(),
            cpus: provenance.cpus,
            programs: provenance.programs.clone(),
            command: provenance.command.clone(),
            git_sha: provenance.git_sha.clone(),
            time_scale: scenarios.iter().map(|scenario| scenario.time_scale).fold(1.0, f64::max),
            interrupted,
            plan_sha256: plan.sha256(),
            scenarios,
        }
    }
}

fn worst(verdicts: &[Verdict]) -> Verdict {
    WORST_FIRST.into_iter().find(|verdict| verdicts.contains(verdict)).unwrap_or(Verdict::Skipped)
}

/// By which signal it was interrupted.
fn signalled(history: &History) -> Option<String> {
    history.events.iter().find_map(|record| match &record.event {
        Event::Interrupted { signal } => Some(format!("{}{signal}", RunRecord::INTERRUPTED_BY)),
        _ => None,
    })
}

/// Whether the last attempt has neither ended nor failed.
fn stops_in_the_middle(history: &History) -> bool {
    let ends = |record: &Record| {
        matches!(record.event, Event::WatchEnded | Event::HarnessFailed { .. } | Event::ScenarioSkipped { .. })
    };
    !history.events.is_empty() && !watched(history).iter().any(ends)
}

fn killed_while(history: &History) -> String {
    format!("the record stops in the middle of “{}”: the run was killed, or is still under way", history.plan.name)
}

fn never_run(provenance: &Provenance, plan: &ScenarioPlan) -> ScenarioRecord {
    let reason = "the run ended before its turn".to_string();
    ScenarioRecord {
        reproduce: declared::reproduce(provenance, plan),
        headline: format!("Not run: {reason}."),
        reason: Some(reason),
        ..declared::of_plan(plan)
    }
}

/// A moment of the run's clock as RFC 3339; `None` where the run's own start is not.
fn rfc_3339(provenance: &Provenance, at_us: u64) -> Option<String> {
    let start: Timestamp = provenance.started_at.parse().ok()?;
    let at = start.checked_add(SignedDuration::from_micros(i64::try_from(at_us).ok()?)).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::expectation::{Expectation, Phase};
    use crate::units::{Bound, Percent};

    fn script(percent: f64) -> Script {
        Script::website(2, 1)
            .expects(Expectation::Availability { phase: Phase::Throughout, bound: Bound::AtMost(Percent(percent)) })
    }

    fn provenance(ci: bool) -> Provenance {
        Provenance {
            run_id: "2026-11-23T08-20-11Z-7".into(),
            started_at: "2026-11-23T08:20:11Z".into(),
            chimp_version: "0.1.0".into(),
            git_sha: Some("abc".into()),
            kernel: "6.18".into(),
            cpus: 2,
            programs: BTreeMap::new(),
            command: "chimp run".into(),
            reproduce: Some("chimp run --name {scenario} --exact --seed 7".into()),
            ci,
            folder: None,
        }
    }

    /// The k-th scenario is the k-th history; without one it was not run.
    fn judged(histories: Vec<Option<History>>, ci: bool) -> RunRecord {
        let mut plan =
            Plan { schema: crate::plan::SCHEMA, seed: 7, environment: "local".into(), scenarios: Vec::new() };
        let mut recorded = Vec::new();
        for (index, history) in (0u32..).zip(histories) {
            let scenario = history.as_ref().map_or_else(|| script(100.0).plan(), |history| history.plan.clone());
            let scenario = ScenarioPlan { index, ..scenario };
            recorded.extend(history.map(|history| History { plan: scenario.clone(), ..history }));
            plan.scenarios.push(scenario);
        }
        let provenance = provenance(ci);
        let mut judging = Judging::new(&provenance, &plan);
        for history in &recorded {
            judging.take(history);
        }
        judging.end()
    }

    fn history(percent: f64) -> Option<History> {
        Some(script(percent).history())
    }

    fn with(event: Event) -> Option<History> {
        Some(script(100.0).event(21_000, event).history())
    }

    #[test]
    fn the_worst_verdict_is_the_runs() {
        let run = judged(vec![history(100.0), history(90.0), None], false);
        assert_eq!((run.verdict, run.exit_code), (Verdict::Fail, 1));
        let verdicts: Vec<Verdict> = run.scenarios.iter().map(|scenario| scenario.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Skipped]);
        assert_eq!(run.scenarios[2].headline, "Not run: the run ended before its turn.");
        assert_eq!(run.scenarios[2].deadline_ms, 5000.0);
        assert_eq!(
            (run.run_id.as_str(), run.seed, run.schema, run.duration_s),
            ("2026-11-23T08-20-11Z-7", 7, SCHEMA, 20.0)
        );
        assert_eq!((run.interrupted, run.git_sha.as_deref()), (None, Some("abc")));
    }

    #[test]
    fn a_killed_run_is_told_by_a_record_that_stops_in_the_middle() {
        let mut killed = script(100.0).history();
        killed.events.retain(|record| record.event != Event::WatchEnded);
        let run = judged(vec![Some(killed), None], false);
        assert_eq!((run.verdict, run.exit_code), (Verdict::Invalid, 130));
        let why = run.interrupted.unwrap();
        assert!(why.contains("stops in the middle of “") && why.contains("was killed"), "{why}");
        let failed = Event::HarnessFailed { stage: "provisioning".into(), detail: "no room".into() };
        let mut failed = with(failed).unwrap();
        failed.events.retain(|record| record.event != Event::WatchEnded);
        assert_eq!(judged(vec![Some(failed)], false).interrupted, None, "that it failed is its end");
    }

    #[test]
    fn skipped_is_the_runs_verdict_only_when_nothing_else_is() {
        assert_eq!(
            (judged(vec![None, None], false).verdict, judged(vec![None], false).exit_code),
            (Verdict::Skipped, 7)
        );
        let beside = judged(vec![None, history(100.0)], false);
        assert_eq!((beside.verdict, beside.exit_code), (Verdict::Pass, 0));
        assert_eq!(judged(vec![None, history(100.0)], true).exit_code, 3);
        assert_eq!(judged(Vec::new(), false).exit_code, 7);
    }

    #[test]
    fn a_heal_that_failed_or_a_signal_also_after_the_watch_shows_in_the_exit_code() {
        assert_eq!(judged(vec![with(Event::HealFailed { strike: 0, detail: "no".into() })], false).exit_code, 5);
        assert_eq!(judged(vec![with(Event::LeftBehind { detail: "a mount".into() })], false).exit_code, 5);
        let run = judged(vec![with(Event::Interrupted { signal: "SIGTERM".into() })], false);
        assert_eq!((run.exit_code, run.interrupted.as_deref()), (130, Some("interrupted by SIGTERM")));
    }

    #[test]
    fn severity_goes_from_fail_to_pass() {
        let [fail, aborted, infra, invalid, pass] = WORST_FIRST;
        assert_eq!(worst(&[pass, invalid, infra, aborted, fail]), Verdict::Fail);
        assert_eq!(worst(&[pass, invalid, infra]), Verdict::Infra);
        assert_eq!(worst(&[invalid, pass]), Verdict::Invalid);
    }
}
