//! Whatever bytes a file has, it is read or refused by an error that names the file: no panic, no endless loop, no
//! memory that grows beyond reason. Every format that `chimp` reads, and damaged bundles.
//!
//! `cargo test --test fuzz` runs a few thousand cases with a fixed seed, and every file of `tests/fuzz/corpus/` as it is.
//! `make fuzz CASES=1000000 SEED=1` runs more. What is found is kept in `target/fuzz/`: fix it, and add the file to the
//! corpus.

mod bundle;
mod dictionary;
mod driver;
mod memory;
mod mutate;
mod target;

use std::path::{Path, PathBuf};

use driver::{Driver, Report};
use target::TARGETS;

/// Cases of every test run.
const CASES: u64 = 4_000;
const SEED: u64 = 1;

fn asked(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {value:?}")))
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{}", std::process::id()))
}

fn shown(report: &Report) -> String {
    let counts = report.counts.iter().map(|(name, count)| {
        format!("{name}: {} read, {} refused, {:.2?} of the CPU", count.read, count.refused, count.took)
    });
    let findings = report.findings.iter();
    let findings = findings.map(|f| format!("{} case {}: {}\n  {}", f.target, f.number, f.what, f.file.display()));
    counts.chain(findings).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_mutated_file_is_read_or_refused_by_an_error_that_names_it() {
    let (cases, seed) = (asked("FUZZ_CASES").unwrap_or(CASES), asked("FUZZ_SEED").unwrap_or(SEED));
    let from = asked("FUZZ_FROM").unwrap_or(0);
    let work = folder("mutated");
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../fuzz").join(format!("seed-{seed}"));
    let driver = Driver::new(&work, &kept);
    let mut all = Report::default();
    let (mut next, end) = (from, from + cases);
    while next < end {
        let until = end.min(next + 10_000);
        let report = driver.run(seed, next..until);
        for (name, count) in report.counts {
            let sum = all.counts.entry(name).or_default();
            (sum.read, sum.refused) = (sum.read + count.read, sum.refused + count.refused);
            sum.took += count.took;
        }
        all.findings.extend(report.findings);
        next = until;
        if cases > CASES {
            println!("{next} of {end} cases, {} findings", all.findings.len());
        }
    }
    let _ = std::fs::remove_dir_all(&work);
    println!("{}", shown(&all));
    assert!(all.findings.is_empty(), "{} findings of seed {seed}:\n{}", all.findings.len(), shown(&all));
    for (name, count) in &all.counts {
        assert!(cases < CASES || count.refused > 0, "no mutated {name} was refused: is it read at all?");
        let binary = name.contains("requests.bin");
        assert!(cases < CASES || binary || count.read > 0, "no mutated {name} was read: it is refused too early");
    }
}

#[test]
fn every_example_is_of_its_format_and_what_was_found_before_stays_fixed() {
    let work = folder("corpus");
    std::fs::create_dir_all(&work).unwrap();
    target::prepare(&work);
    let mut wrong = Vec::new();
    for target in &TARGETS {
        let corpus = target.corpus();
        let mut read = 0;
        for (path, bytes) in &corpus {
            let file = work.join(target.file);
            target::write(&file, bytes);
            let (is_read, complaint) = driver::unchanged(target, &file);
            wrong.extend(complaint.map(|what| format!("{}: {what}", path.display())));
            read += u32::from(is_read);
        }
        assert!(read > 0, "none of {} examples is a {} that is read", corpus.len(), target.name);
    }
    let _ = std::fs::remove_dir_all(&work);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
