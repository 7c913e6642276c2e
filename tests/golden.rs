//! Golden histories: small files that say what happened, and what must be said of it.
//!
//! Each file of `fixtures/histories/` is a script of what happened (see `tests/support/synthetic`) with the
//! verdicts and figures that follow from it, worked out by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anarcho_chimp::judge::judge;
use anarcho_chimp::plan::expectation::{Expectation, Phase};
use anarcho_chimp::report::record::{Of, ScenarioRecord};
use anarcho_chimp::verdict::Verdict;
use serde::Deserialize;

#[path = "support/synthetic/mod.rs"]
mod synthetic;

use synthetic::Script;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    /// What happened, in a sentence.
    about: String,
    script: Script,
    says: Says,
}

/// What must be said of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Says {
    verdict: Verdict,
    /// One verdict a hypothesis.
    hypotheses: Vec<Verdict>,
    /// One text a hypothesis; empty: any.
    #[serde(default)]
    observed: Vec<String>,
    /// A part of the reason.
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    downtime_total_s: Option<f64>,
    #[serde(default)]
    recovery_s: Option<f64>,
    /// Availability while degraded.
    #[serde(default)]
    degraded_pct: Option<f64>,
    /// The milestones in the order in which they are told.
    #[serde(default)]
    milestones: Option<Vec<String>>,
    /// Milestones with how many of the victims they came to, and how many there were.
    #[serde(default)]
    of: BTreeMap<String, (usize, usize)>,
    /// What happened after recovery.
    #[serde(default)]
    relapses: Vec<String>,
}

impl Says {
    fn check(&self, path: &Path, golden: &Golden) {
        let name = format!("{} ({})", path.file_name().expect("a name").display(), golden.about);
        let record = judge(&golden.script.history());
        let verdicts: Vec<Verdict> = record.hypotheses.iter().map(|hypothesis| hypothesis.verdict).collect();
        assert_eq!(verdicts, self.hypotheses, "{name}: {:#?}", record.hypotheses);
        assert_eq!(record.verdict, self.verdict, "{name}: {:?}", record.reason);
        for (hypothesis, expected) in record.hypotheses.iter().zip(&self.observed).filter(|(_, e)| !e.is_empty()) {
            assert_eq!(&hypothesis.observed, expected, "{name}: {}", hypothesis.step);
        }
        if let Some(part) = &self.reason {
            assert!(record.reason.as_ref().is_some_and(|reason| reason.contains(part)), "{name}: {:?}", record.reason);
        }
        self.check_figures(&record, &name);
        self.check_milestones(&record, &name);
    }

    /// To the bin: one request's spacing.
    fn check_figures(&self, record: &ScenarioRecord, name: &str) {
        for (found, expected) in
            [(record.downtime_total_s, self.downtime_total_s), (record.milestones.normal_after_t0_s, self.recovery_s)]
        {
            if let Some(expected) = expected {
                let found = found.unwrap_or_else(|| panic!("{name}: nothing, not {expected} s"));
                assert!((found - expected).abs() <= 0.002, "{name}: {found} s, not {expected} s");
            }
        }
    }

    fn check_milestones(&self, record: &ScenarioRecord, name: &str) {
        let rows = &record.milestones.rows;
        if let Some(order) = &self.milestones {
            assert_eq!(&rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>(), order, "{name}");
        }
        for (milestone, (done, total)) in &self.of {
            let row = rows.iter().find(|row| row.name == *milestone).unwrap_or_else(|| panic!("{name}: {milestone}"));
            assert_eq!(row.of, Some(Of { done: *done, total: *total }), "{name}: {milestone}");
        }
        let relapses: Vec<&str> = record.relapses.iter().map(|relapse| relapse.what.as_str()).collect();
        assert_eq!(relapses, self.relapses, "{name}");
        if let Some(expected) = self.degraded_pct {
            let degraded = record.phases.iter().find(|phase| phase.phase == Phase::Degraded).expect("degraded");
            let found = degraded.availability_pct.expect("requests");
            assert!((found - expected).abs() < 0.001, "{name}: {found} %, not {expected} %");
        }
    }
}

fn all() -> BTreeMap<PathBuf, Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/histories");
    let files = std::fs::read_dir(&folder).expect("the folder of golden histories");
    let paths =
        files.map(|file| file.expect("a file").path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    paths
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a text");
            let golden = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            (path, golden)
        })
        .collect()
}

#[test]
fn every_golden_history_is_judged_as_it_says() {
    let goldens = all();
    assert!(goldens.len() >= 6, "only {} golden histories", goldens.len());
    let judged =
        |(path, golden): &(PathBuf, Golden)| std::panic::catch_unwind(|| golden.says.check(path, golden)).is_err();
    let wrong: Vec<PathBuf> = goldens.into_iter().filter(judged).map(|(path, _)| path).collect();
    assert!(wrong.is_empty(), "not judged as they say: {wrong:#?}");
}

/// Every request is in exactly one of the phases, so their sums are those of the whole.
#[test]
fn phases_of_every_golden_history_sum_up_to_throughout() {
    for (path, Golden { script, .. }) in all() {
        let record = judge(&script.history());
        let of = |wanted| record.phases.iter().find(|phase| phase.phase == wanted);
        let (Some(throughout), Some(_)) = (of(Phase::Throughout), of(Phase::Degraded)) else { continue };
        let parts = || [Phase::Before, Phase::Degraded, Phase::After].into_iter().filter_map(of);
        let sums = parts().fold((0, 0), |(due, good), phase| (due + phase.due, good + phase.good));
        assert_eq!(sums, (throughout.due, throughout.good), "{}", path.display());
    }
}

/// Headlines and reasons quote steps and names as prose does. Backticks are for Markdown, and for commands in errors.
#[test]
fn no_judgement_of_a_golden_history_quotes_with_backticks() {
    for (path, Golden { script, .. }) in all() {
        let record = judge(&script.history());
        let of_hypotheses = record.hypotheses.iter().filter_map(|hypothesis| hypothesis.reason.as_ref());
        for said in [&record.headline].into_iter().chain(&record.reason).chain(of_hypotheses) {
            assert!(!said.contains('`'), "{}: {said}", path.display());
        }
    }
}

#[test]
fn every_kind_of_hypothesis_has_one_that_passes_one_that_fails_and_one_that_cannot_be_told() {
    let mut seen: BTreeMap<String, Vec<Verdict>> = BTreeMap::new();
    for Golden { script, .. } in all().into_values() {
        let record = judge(&script.history());
        for (hypothesis, judged) in script.hypotheses.iter().zip(record.hypotheses) {
            seen.entry(kind(&hypothesis.expectation)).or_default().push(judged.verdict);
        }
    }
    assert_eq!(seen.len(), 27, "{:?}", seen.keys());
    for (kind, verdicts) in seen {
        for wanted in [Verdict::Pass, Verdict::Fail, Verdict::Invalid] {
            assert!(verdicts.contains(&wanted), "no golden history in which {kind} is {wanted:?}");
        }
    }
}

fn kind(expectation: &Expectation) -> String {
    if let Expectation::Registered { name, .. } = expectation {
        return name.clone();
    }
    let json = serde_json::to_value(expectation).expect("plain data");
    match &json {
        serde_json::Value::Object(fields) => fields.keys().next().expect("one key").clone(),
        name => name.as_str().expect("a name").to_string(),
    }
}
