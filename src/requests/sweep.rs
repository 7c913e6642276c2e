//! What runs have left in a cloud: which of them are meant, and what was found and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// Which runs are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// The one of this id.
    One(String),
    /// All that have made nothing for this long.
    OlderThan(Duration),
}

/// A kind of thing, in the order in which they are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThingKind {
    /// An Auto Scaling group: it would replace servers that are removed.
    ScalingGroup,
    /// A floating IP.
    FloatingIp,
    /// A server.
    Server,
    /// An Elastic IP.
    ElasticIp,
    /// A port.
    Port,
    /// A launch template.
    LaunchTemplate,
    /// A network interface.
    NetworkInterface,
    /// A security group.
    SecurityGroup,
}

impl ThingKind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            ThingKind::ScalingGroup => "Auto Scaling group",
            ThingKind::LaunchTemplate => "launch template",
            ThingKind::FloatingIp => "floating IP",
            ThingKind::Server => "server",
            ThingKind::ElasticIp => "Elastic IP",
            ThingKind::Port => "port",
            ThingKind::NetworkInterface => "network interface",
            ThingKind::SecurityGroup => "security group",
        }
    }
}

/// A thing that a run made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    /// What it is.
    pub kind: ThingKind,
    /// The run that made it.
    pub run: String,
    /// Its name; of a floating or Elastic IP, its address.
    pub name: String,
    /// Its id.
    pub id: String,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Thing { kind, run, name, id } = self;
        let kind = kind.name();
        match name == id {
            true => write!(f, "{kind} `{name}` of the run {run}"),
            false => write!(f, "{kind} `{name}` ({id}) of the run {run}"),
        }
    }
}

/// What a sweep found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sweep {
    /// What was removed, or would be.
    pub removed: Vec<Thing>,
    /// What is still there, with the reason.
    pub left: Vec<(Thing, String)>,
    /// The runs that were left out because they are too young, with the time since they made something; `None` where the
    /// cloud does not say when that was.
    pub younger: BTreeMap<String, Option<Duration>>,
    /// How many requests were sent.
    pub requests: u64,
}

/// When a run made something for the last time.
pub(crate) type Created = BTreeMap<String, Option<Timestamp>>;

/// The runs that are meant, and those that are too young. One of which it is not known is too young.
pub(crate) fn choose(
    runs: &Runs,
    created: &Created,
    now: Timestamp,
) -> (BTreeSet<String>, BTreeMap<String, Option<Duration>>) {
    let age = |created: Timestamp| now.duration_since(created).try_into().unwrap_or(Duration::ZERO);
    match runs {
        Runs::One(run) => ([run.clone()].into(), BTreeMap::new()),
        Runs::OlderThan(least) => {
            let ages = created.iter().map(|(run, created)| (run.clone(), created.map(age)));
            let (old, young): (Vec<_>, Vec<_>) = ages.partition(|(_, age)| age.is_some_and(|age| age >= *least));
            (old.into_iter().map(|(run, _)| run).collect(), young.into_iter().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_as_old_as_the_newest_thing_that_it_made() {
        let at = |seconds: i64| Timestamp::from_second(seconds).ok();
        let created = [("old", at(1_000)), ("busy", at(9_990)), ("later", at(20_000)), ("unknown", None)];
        let created: Created = created.map(|(run, at)| (run.to_string(), at)).into();
        let minute = Duration::from_secs(60);
        let (old, young) = choose(&Runs::OlderThan(minute), &created, at(10_000).unwrap());
        assert_eq!(old, ["old".to_string()].into());
        let young: Vec<_> = young.into_iter().collect();
        let expected = [("busy", Some(10)), ("later", Some(0)), ("unknown", None)];
        assert_eq!(young, expected.map(|(run, age)| (run.to_string(), age.map(Duration::from_secs))));
        let (one, young) = choose(&Runs::One("busy".into()), &created, at(10_000).unwrap());
        assert_eq!((one, young.len()), (["busy".to_string()].into(), 0), "one that is named may be of any age");
    }
}
