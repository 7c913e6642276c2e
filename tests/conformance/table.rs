//! The table of the documents.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anarcho_chimp::environment::ENVIRONMENTS;

use crate::checks::{CHECKS, Outcome};
use crate::ground::{Findings, look_at};
use crate::power::{STAGES, name};

const PAGE: &str = "docs/environments.md";
const BEGIN: &str = "<!-- what tests/conformance has seen; UPDATE_DOCS=1 writes it -->\n";
const END: &str = "<!-- end -->\n";

/// A new environment has a row in the table before it has users.
pub fn every_environment_is_looked_at() {
    let page = fs::read_to_string(PAGE).unwrap();
    for kind in ENVIRONMENTS {
        assert!(page.contains(&format!("| `{}", kind.name())), "{PAGE} says nothing of `{}`", kind.name());
    }
}

pub fn every_environment_does_what_is_documented() {
    let names = ENVIRONMENTS.iter().map(|kind| kind.name());
    let found: BTreeMap<&str, Findings> = names.map(|name| (name, look_at(name))).collect();
    let failures: Vec<String> = found
        .iter()
        .flat_map(|(environment, findings)| findings.iter().map(move |finding| (environment, finding)))
        .filter_map(|(environment, (check, outcome))| match outcome {
            Outcome::Failed(why) => Some(format!("{environment}: {check}: {why}")),
            _ => None,
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}{}{END}{after}", table(&found));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, &fresh).unwrap();
    }
    assert!(
        fresh == page || std::env::var_os("UPDATE_DOCS").is_some(),
        "{PAGE} is not what was seen:\n{}",
        table(&found)
    );
}

fn table(found: &BTreeMap<&str, Findings>) -> String {
    let names: Vec<&str> = ENVIRONMENTS.iter().map(|kind| kind.name()).collect();
    let mut text = String::from("| an environment |");
    names.iter().for_each(|name| write!(text, " `{name}` |").unwrap());
    text.push_str("\n|---|");
    names.iter().for_each(|_| text.push_str("---|"));
    text.push('\n');
    let checks = CHECKS.iter().map(|check| check.name.to_string()).chain(STAGES.iter().map(|stage| name(stage)));
    for check in checks {
        write!(text, "| {check} |").unwrap();
        for name in &names {
            let word = match &found[name][&check] {
                Outcome::Kept => "yes".to_string(),
                Outcome::Refused(why) => format!("no: {why}"),
                Outcome::Failed(_) => "FAILED".to_string(),
            };
            write!(text, " {word} |").unwrap();
        }
        text.push('\n');
    }
    text
}
