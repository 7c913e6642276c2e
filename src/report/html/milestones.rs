//! The milestones as people read them: what happened at the victim, to users and in the site are three courses side by
//! side, so each is a group in the order of its own times. Service may be back for users before a witness has seen the fault.

use serde::Serialize;

use super::plot::waterfall::Declared;
use crate::measure::milestones::Name;
use crate::report::record::{MilestoneRow, MilestoneState, ScenarioRecord};
use crate::report::words::{seconds, since_t0};

/// Milestones that are seen at one place.
#[derive(Debug, Clone, Serialize)]
pub struct MilestoneGroup {
    pub place: &'static str,
    pub rows: Vec<ShownMilestone>,
}

/// A moment since t0, and what was declared about it.
#[derive(Debug, Clone, Serialize)]
pub struct ShownMilestone {
    pub name: String,
    /// What happened then.
    pub meaning: &'static str,
    pub at: String,
    /// Why it has no time.
    pub why: Option<String>,
    /// In model time, where there is one.
    pub model: Option<String>,
    pub declared: String,
}

/// Where a milestone is seen, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenAt {
    Victim,
    Users,
    Site,
    /// By users and in the site.
    Both,
}

impl SeenAt {
    const ALL: [SeenAt; 4] = [SeenAt::Victim, SeenAt::Users, SeenAt::Site, SeenAt::Both];

    pub fn words(self) -> &'static str {
        match self {
            SeenAt::Victim => "at the victim",
            SeenAt::Users => "for users",
            SeenAt::Site => "in the site",
            SeenAt::Both => "for users and in the site",
        }
    }
}

/// Where a milestone is seen, and what happened then.
fn meaning(name: Name) -> (SeenAt, &'static str) {
    match name {
        Name::Witnessed => (SeenAt::Victim, "the witness has seen the fault"),
        Name::FirstError => (SeenAt::Users, "the first failed probe was due"),
        Name::ServiceBack => (SeenAt::Users, "probes due from now on succeed, if late"),
        Name::Detected => (SeenAt::Site, "the site itself first records the fault"),
        Name::Removed => (SeenAt::Site, "the victim no longer gets requests"),
        Name::Booted => (SeenAt::Site, "the victim or its replacement runs again"),
        Name::Configured => (SeenAt::Site, "it does what its role says again"),
        Name::Redundant => (SeenAt::Site, "everything declared is there again"),
        Name::Normal => (SeenAt::Both, "recovered: redundant, steady as before"),
    }
}

/// The milestones by where they are seen; within a place in their own order.
pub fn by_place(rows: &[MilestoneRow]) -> Vec<(SeenAt, Vec<&MilestoneRow>)> {
    let of =
        |place: SeenAt| rows.iter().filter(|row| named(row).is_some_and(|name| meaning(name).0 == place)).collect();
    let places = SeenAt::ALL.into_iter().map(|place| (place, of(place)));
    places.filter(|(_, rows): &(SeenAt, Vec<&MilestoneRow>)| !rows.is_empty()).collect()
}

fn named(row: &MilestoneRow) -> Option<Name> {
    Name::ALL.into_iter().find(|name| name.word() == row.name)
}

/// What a moment means where servers were there already: of what the site has of its own, only that is seen which an observer
/// looks at.
fn meaning_at(name: Name, attached: bool) -> &'static str {
    match name {
        Name::Detected if attached => "a balancer or the virtual IP first shows the fault",
        name => meaning(name).1,
    }
}

/// The rows of the table; `attached` where servers were there already.
pub fn groups(record: &ScenarioRecord, declared: &[Declared], attached: bool) -> Vec<MilestoneGroup> {
    let shown = |row: &MilestoneRow| {
        let (at, why) = what_became_of(row);
        let declared = declared.iter().find(|one| one.milestone == row.name);
        ShownMilestone {
            name: row.name.clone(),
            meaning: named(row).map(|name| meaning_at(name, attached)).unwrap_or_default(),
            at,
            why,
            model: modelled(record, &row.name),
            declared: declared.map(|one| one.text.clone()).unwrap_or_default(),
        }
    };
    let groups = by_place(&record.milestones.rows).into_iter();
    groups
        .map(|(place, rows)| MilestoneGroup { place: place.words(), rows: rows.into_iter().map(shown).collect() })
        .collect()
}

fn modelled(record: &ScenarioRecord, name: &str) -> Option<String> {
    let rows = &record.model.as_ref()?.milestones.rows;
    rows.iter().find(|row| row.name == name).map(|row| what_became_of(row).0)
}

/// What became of a milestone, and why: `1 of 5: +17.9 s`, `not needed`, `never`, `could not be observed`.
fn what_became_of(row: &MilestoneRow) -> (String, Option<String>) {
    let of = row.of.filter(|of| of.total > 1).map(|of| format!("{} of {}: ", of.done, of.total)).unwrap_or_default();
    match &row.state {
        MilestoneState::At { after_t0_s, .. } => (format!("{of}{}", since_t0(*after_t0_s)), None),
        MilestoneState::NotNeeded { why } => ("not needed".into(), Some(why.clone())),
        MilestoneState::Never { watched_s } => {
            (format!("{of}never"), Some(format!("watched for {}", seconds(*watched_s))))
        }
        MilestoneState::Unobservable { why } => ("could not be observed".into(), Some(why.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: Name, after_t0_s: f64) -> MilestoneRow {
        MilestoneRow { name: name.word().into(), state: MilestoneState::At { after_t0_s, within_s: 0.0 }, of: None }
    }

    #[test]
    fn what_users_saw_is_told_apart_from_what_a_witness_saw_later() {
        // As measured when a balancer died: probes succeeded again before the death was seen.
        let rows = [
            at(Name::FirstError, 0.0016),
            at(Name::ServiceBack, 0.012),
            at(Name::Witnessed, 0.032),
            at(Name::Detected, 0.16),
            at(Name::Normal, 0.655),
        ];
        let told: Vec<(SeenAt, Vec<&str>)> = by_place(&rows)
            .into_iter()
            .map(|(place, rows)| (place, rows.iter().map(|row| row.name.as_str()).collect()))
            .collect();
        let expected = [
            (SeenAt::Victim, vec!["witnessed"]),
            (SeenAt::Users, vec!["first error", "service back"]),
            (SeenAt::Site, vec!["detected"]),
            (SeenAt::Both, vec!["normal"]),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn of_a_site_that_was_there_already_it_is_not_said_what_it_detects_itself() {
        let record = crate::report::sample::run().record.scenarios.remove(0);
        let detected = |attached| {
            let groups = groups(&record, &[], attached);
            groups.iter().flat_map(|group| &group.rows).find(|row| row.name == "detected").unwrap().meaning
        };
        assert_eq!(detected(false), "the site itself first records the fault");
        assert_eq!(detected(true), "a balancer or the virtual IP first shows the fault");
    }

    #[test]
    fn every_milestone_has_a_place() {
        let rows = Name::ALL.map(|name| at(name, 1.0));
        assert_eq!(by_place(&rows).iter().map(|(_, rows)| rows.len()).sum::<usize>(), Name::ALL.len());
    }
}
