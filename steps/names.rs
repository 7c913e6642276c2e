//! The names of what other crates register: each must be free.

use std::path::Path;

use cucumber::step::Location;

use crate::checker::registered as thens;
use crate::fault::{self, FAULTS};
use crate::load::registered as workloads;
use crate::measure::meaning;
use crate::report::bundle;
use crate::selector::registered as selectors;

/// The file and the line of a registration.
pub(super) type Place = (&'static str, u32);

/// What is wrong, and where.
pub(super) type Wrong = (Location, String);

pub(super) fn location((path, line): Place) -> Location {
    Location { path, line, column: 1 }
}

/// A name, what was registered with it, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Claim {
    name: &'static str,
    kind: &'static str,
    place: Place,
}

/// The claims on names that something shipped has, or something that was claimed before.
fn late<'c>(shipped: &[&str], claims: &'c [Claim]) -> impl Iterator<Item = &'c Claim> {
    let is_late = |(at, claim): &(usize, &Claim)| {
        shipped.contains(&claim.name) || claims[..*at].iter().any(|other| other.name == claim.name)
    };
    claims.iter().enumerate().filter(is_late).map(|(_, claim)| claim)
}

/// Faults and Thens, which share their names.
fn late_steps() -> Vec<Claim> {
    let shipped: Vec<&str> = FAULTS.iter().map(|fault| fault.name()).collect();
    let faults = fault::registered().into_iter();
    let faults = faults.map(|one| Claim { name: one.fault.name(), kind: "fault", place: one.place });
    let thens = thens::registered().into_iter();
    let thens = thens.map(|one| Claim { name: one.then.name(), kind: "Then", place: one.place });
    late(&shipped, &faults.chain(thens).collect::<Vec<_>>()).copied().collect()
}

/// Whether the fault or Then that was registered there has its name for itself.
pub(super) fn is_free(name: &str, place: Place) -> bool {
    !late_steps().iter().any(|claim| (claim.name, claim.place) == (name, place))
}

/// Everything whose name is taken, or can be none.
pub(super) fn taken() -> Vec<Wrong> {
    let steps = late_steps();
    let steps = steps.iter().map(|claim| wrong(claim, "a fault or a Then", "another name"));
    let selectors = selectors::registered().into_iter();
    let selectors = selectors.map(|one| Claim { name: one.name, kind: "selector", place: one.place });
    let selectors: Vec<Claim> = selectors.collect();
    let selectors = late(&[], &selectors).map(|claim| wrong(claim, "a selector", "another name"));
    let reports = bundle::registered().into_iter();
    let reports = reports.map(|one| Claim { name: one.report.file_name(), kind: "report", place: one.place });
    let reports: Vec<Claim> = reports.collect();
    let (shipped, folders) = (bundle::shipped_names(), reports.iter().filter_map(not_a_file));
    let reports =
        late(&shipped, &reports).map(|claim| wrong(claim, "a file of the bundle called", "another file name"));
    let registered = workloads::workloads();
    let names: Vec<&str> = registered.iter().map(|one| one.name).collect();
    let meanings = meaning::wrong(&meaning::meanings(), &names);
    let workloads = workloads::wrong(&registered).into_iter().chain(meanings);
    let workloads = workloads.map(|(place, why)| (location(place), why));
    steps.chain(selectors).chain(workloads).chain(reports).chain(folders).collect()
}

fn wrong(Claim { name, kind, place }: &Claim, other: &str, free: &str) -> Wrong {
    (location(*place), format!("there is {other} `{name}` already\n  help: give this {kind} {free}"))
}

/// A report whose file would lie elsewhere than in the bundle.
fn not_a_file(Claim { name, place, .. }: &Claim) -> Option<Wrong> {
    let is_file = Path::new(name).file_name().is_some_and(|file| file == *name);
    let why =
        || format!("`{name}` is not the name of a file in the bundle\n  help: leave out folders, as in `verdicts.txt`");
    (!is_file).then(|| (location(*place), why()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &'static str, line: u32) -> Claim {
        Claim { name, kind: "report", place: ("here.rs", line) }
    }

    #[test]
    fn a_name_is_the_first_ones_and_never_one_of_what_is_shipped() {
        let claims = [claim("a", 1), claim("b", 2), claim("a", 3), claim("run.json", 4)];
        let lines: Vec<u32> = late(&["run.json"], &claims).map(|claim| claim.place.1).collect();
        assert_eq!(lines, [3, 4]);
        assert_eq!(late_steps(), []);
    }

    #[test]
    fn a_refusal_says_where_and_what_to_do() {
        let (place, why) = wrong(&claim("run.json", 4), "a file of the bundle called", "another file name");
        assert_eq!((place.path, place.line), ("here.rs", 4));
        let said =
            "there is a file of the bundle called `run.json` already\n  help: give this report another file name";
        assert_eq!(why, said);
        assert!(not_a_file(&claim("run.txt", 1)).is_none());
        for name in ["", "a/b.txt", "/b.txt", "..", "b.txt/"] {
            assert!(not_a_file(&claim(name, 1)).is_some(), "{name}");
        }
    }

    #[test]
    fn what_a_run_records_is_taken() {
        for name in ["run.json", "report.html", crate::journal::FILE, "plan.json", "env.json", "scenarios"] {
            assert!(bundle::shipped_names().contains(&name), "{name}");
        }
    }
}
