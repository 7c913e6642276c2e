//! Golden histories: small files that say what happened, and what must be said of it.
//!
//! Each file of `fixtures/histories/` is a script of what happened (see `anarcho_chimp::history::synthetic`) with the
//! verdicts and figures that follow from it, worked out by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anarcho_chimp::checker::{Expectation, Verdict};
use anarcho_chimp::history::synthetic::Script;
use anarcho_chimp::judge::judge;
use serde::Deserialize;

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
    for (path, Golden { about, script, says }) in goldens {
        let name = format!("{} ({about})", path.file_name().expect("a name").display());
        let record = judge(&script.history());
        let verdicts: Vec<Verdict> = record.hypotheses.iter().map(|hypothesis| hypothesis.verdict).collect();
        assert_eq!(verdicts, says.hypotheses, "{name}: {:#?}", record.hypotheses);
        assert_eq!(record.verdict, says.verdict, "{name}: {:?}", record.reason);
        for (hypothesis, expected) in record.hypotheses.iter().zip(says.observed.iter()).filter(|(_, e)| !e.is_empty())
        {
            assert_eq!(&hypothesis.observed, expected, "{name}: {}", hypothesis.step);
        }
        if let Some(part) = says.reason {
            assert!(record.reason.as_ref().is_some_and(|reason| reason.contains(&part)), "{name}: {:?}", record.reason);
        }
        // To the bin: one request's spacing.
        for (found, expected) in
            [(record.downtime_total_s, says.downtime_total_s), (record.milestones.normal_s, says.recovery_s)]
        {
            if let Some(expected) = expected {
                let found = found.unwrap_or_else(|| panic!("{name}: nothing, not {expected} s"));
                assert!((found - expected).abs() <= 0.002, "{name}: {found} s, not {expected} s");
            }
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
    assert_eq!(seen.len(), 24, "{:?}", seen.keys());
    for (kind, verdicts) in seen {
        for wanted in [Verdict::Pass, Verdict::Fail, Verdict::Invalid] {
            assert!(verdicts.contains(&wanted), "no golden history in which {kind} is {wanted:?}");
        }
    }
}

fn kind(expectation: &Expectation) -> String {
    let json = serde_json::to_value(expectation).expect("plain data");
    match &json {
        serde_json::Value::Object(fields) => fields.keys().next().expect("one key").clone(),
        name => name.as_str().expect("a name").to_string(),
    }
}
