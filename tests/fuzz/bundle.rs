//! Damaged bundles: what a run recorded, with a few mistakes in one of its files.
//!
//! The bundles are written by the harness' own recorder from `fixtures/histories/`, so that they are always of the form
//! that this version reads.

use std::path::{Path, PathBuf};

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::{DataRecord, Request, RunRecorder, Source};
use anarcho_chimp::plan::{Plan, SCHEMA};
use anarcho_chimp::run::bundle::Bundle;
use rand::RngExt;
use rand::rngs::StdRng;
use serde::Deserialize;

use crate::mutate::{Dictionary, mutated};

#[path = "../support/synthetic/mod.rs"]
mod synthetic;

use synthetic::Script;

/// Of so many requests one is kept: judging all of them takes longer than it finds.
const EVERY: usize = 25;
/// Which of the cases are rendered as well, which takes ten times as long as judging.
const RENDERED: u32 = 20;
const HISTORIES: &str = "fixtures/histories";
pub const FILES: [&str; 5] = ["env.json", "plan.json", "events.ndjson", "requests.bin", "operations.ndjson"];

const ENVIRONMENT: &str = r#"{
  "run_id": "2026-01-01T00-00-00Z-7",
  "started_at": "2026-01-01T00:00:00Z",
  "chimp_version": "0.1.0",
  "git_sha": "0123456789ab",
  "kernel": "6.1",
  "cpus": 2,
  "programs": { "haproxy": "HAProxy version 2.6" },
  "command": "chimp run --seed 7",
  "reproduce": "chimp run --seed 7 --name '{scenario}'",
  "ci": true
}"#;

const WORDS: Dictionary = Dictionary {
    words: &[
        "null",
        "{}",
        "[]",
        "\n",
        "\"at_us\":",
        "\"strike\":",
        "\"scenario\":0",
        "\"WatchEnded\"",
        "\"watch_ended\"",
        "\"lb-1\"",
        "\"web-9\"",
        "\"secs\":",
        "\"nanos\":4000000000",
        "true",
        "\\u0000",
    ],
    nests: &["[", "{\"a\":", "{\"scenario\":0,"],
};

#[derive(Deserialize)]
struct Golden {
    script: Script,
}

/// A whole bundle, and what its files are when they are not damaged.
pub struct Whole {
    pub folder: PathBuf,
    files: Vec<(&'static str, Vec<u8>)>,
}

/// Writes a bundle for every golden history into a folder.
pub fn all(into: &Path) -> Vec<Whole> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(HISTORIES);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the golden histories").map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let write = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a text");
        let golden: Golden = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let folder = into.join(&name);
        std::fs::create_dir_all(&folder).expect("a folder");
        record(&golden.script, &folder);
        let read = |file: &'static str| Some((file, std::fs::read(folder.join(file)).ok()?));
        Whole { files: FILES.into_iter().filter_map(read).collect(), folder: folder.clone() }
    };
    paths.into_iter().map(write).collect()
}

fn record(script: &Script, folder: &Path) {
    let history = script.history();
    let write = |file: &str, json: Vec<u8>| std::fs::write(folder.join(file), json).expect("a file");
    let plan = Plan { schema: SCHEMA, seed: 7, environment: "local".into(), scenarios: vec![history.plan.clone()] };
    write("plan.json", serde_json::to_vec_pretty(&plan).expect("plain data"));
    write("env.json", ENVIRONMENT.into());
    let run = RunRecorder::create(folder, Clock::start()).expect("a recorder");
    let recorder = run.scenario(0);
    for event in &history.events {
        recorder.record_at(event.at_us, event.resolution_us, event.event.clone());
    }
    let some = |requests: &[Request]| requests.iter().step_by(EVERY).copied().collect();
    recorder.requests(Source::Prober, some(&history.probes));
    recorder.requests(Source::User, some(&history.users));
    let works = history.works.iter().cloned().map(DataRecord::Work);
    let read = history.final_state.databases.iter().cloned().map(DataRecord::Final);
    let settling = history.final_state.settling.clone().map(DataRecord::Settling);
    let data: Vec<DataRecord> = works.chain(settling).chain(read).collect();
    if !data.is_empty() {
        recorder.data(data);
    }
    run.finish().expect("everything is written");
}

impl Whole {
    /// Damages one file; which, and what it is now.
    pub fn damaged(&self, rng: &mut StdRng, others: &[Whole]) -> (&'static str, Vec<u8>) {
        // Events and the plan are what most is computed from.
        let drawn = [0, 1, 1, 2, 2, 2, 2, 3, 4][rng.random_range(0..9)].min(self.files.len() - 1);
        let (file, bytes) = &self.files[drawn];
        let same: Vec<Vec<u8>> =
            others.iter().filter_map(|other| other.bytes(file).map(<[u8]>::to_vec)).take(3).collect();
        (file, mutated(rng, bytes, &same, WORDS))
    }

    fn bytes(&self, file: &str) -> Option<&[u8]> {
        self.files.iter().find(|(name, _)| *name == file).map(|(_, bytes)| bytes.as_slice())
    }

    /// Puts a file back as it was.
    pub fn restore(&self, file: &str) {
        if let Some(bytes) = self.bytes(file) {
            std::fs::write(self.folder.join(file), bytes).expect("a file");
        }
    }
}

/// Judges a bundle as `chimp report` does, and writes the reports of some.
pub fn judge(folder: &Path, number: u32) -> Result<(), String> {
    let bundle = Bundle::open(folder).map_err(|why| why.to_string())?;
    if number.is_multiple_of(RENDERED) {
        return bundle.render().map(drop).map_err(|why| why.to_string());
    }
    for scenario in &bundle.plan().scenarios {
        let history = anarcho_chimp::history::History::read(folder, scenario).map_err(|why| why.to_string())?;
        let _ = anarcho_chimp::judge::judge(&history);
    }
    Ok(())
}
