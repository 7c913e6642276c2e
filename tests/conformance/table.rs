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

/// Those that take long to start.
const CLOUD: &str = "openstack";
const ACCOUNT: &str = "ec2";
const PROJECT: &str = "compose";
const STACK: &str = "swarm";

/// A new environment has a row in the table before it has users.
pub fn every_environment_is_looked_at() {
    let page = fs::read_to_string(PAGE).unwrap();
    for kind in ENVIRONMENTS {
        assert!(page.contains(&format!("| `{}", kind.name())), "{PAGE} says nothing of `{}`", kind.name());
    }
}

pub fn every_environment_does_what_is_documented() {
    let names = with_servers().filter(|name| ![CLOUD, ACCOUNT, PROJECT, STACK].contains(name));
    as_documented(names.map(|name| (name, look_at(name))).collect());
}

/// Those in which something can be done to a server: a site's URL has none.
fn with_servers() -> impl Iterator<Item = &'static str> {
    ENVIRONMENTS.iter().filter(|kind| kind.capabilities().logs_in).map(|kind| kind.name())
}

pub fn a_cloud_does_what_is_documented() {
    as_documented(BTreeMap::from([(CLOUD, look_at(CLOUD))]));
}

pub fn an_account_does_what_is_documented() {
    as_documented(BTreeMap::from([(ACCOUNT, look_at(ACCOUNT))]));
}

pub fn a_project_does_what_is_documented() {
    as_documented(BTreeMap::from([(PROJECT, look_at(PROJECT))]));
}

pub fn a_stack_does_what_is_documented() {
    as_documented(BTreeMap::from([(STACK, look_at(STACK))]));
}

/// Compares what was seen with the page, whose other columns stay as they are.
fn as_documented(found: BTreeMap<&str, Findings>) {
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
    let (documented, after) = rest.split_once(END).unwrap();
    let fresh = table(&found, documented);
    let shown = fresh.clone();
    let fresh = format!("{before}{BEGIN}{fresh}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, &fresh).unwrap();
    }
    assert!(fresh == page || std::env::var_os("UPDATE_DOCS").is_some(), "{PAGE} is not what was seen:\n{shown}");
}

fn table(found: &BTreeMap<&str, Findings>, documented: &str) -> String {
    let names: Vec<&str> = with_servers().collect();
    let mut text = String::from("| an environment |");
    names.iter().for_each(|name| write!(text, " `{name}` |").unwrap());
    text.push_str("\n|---|");
    names.iter().for_each(|_| text.push_str("---|"));
    text.push('\n');
    let checks = CHECKS.iter().map(|check| check.name.to_string()).chain(STAGES.iter().map(|stage| name(stage)));
    for check in checks {
        write!(text, "| {check} |").unwrap();
        for name in &names {
            let word = match found.get(name).map(|findings| &findings[&check]) {
                Some(Outcome::Kept) => "yes".to_string(),
                Some(Outcome::Refused(why)) => format!("no: {why}"),
                Some(Outcome::Failed(_)) => "FAILED".to_string(),
                None => cell(documented, name, &check),
            };
            write!(text, " {word} |").unwrap();
        }
        text.push('\n');
    }
    text
}

/// What the page says of an environment; nothing where it has no such row or column yet.
fn cell(table: &str, environment: &str, check: &str) -> String {
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().to_string()).collect() };
    let heads = table.lines().next().map(cells).unwrap_or_default();
    let column = heads.iter().position(|head| *head == format!("`{environment}`"));
    let row = table.lines().map(cells).find(|row| row.get(1).is_some_and(|name| name == check));
    column.zip(row).and_then(|(column, row)| row.get(column).cloned()).unwrap_or_default()
}
