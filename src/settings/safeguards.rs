//! `[safeguards]`: what may not be struck, and when everything stops.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Percent, PercentBound, duration};

/// `[safeguards]`: all are off unless set. See [`crate::nemesis`] for how they are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Safeguards {
    /// How many servers of a group may be struck at once; every limit holds.
    pub limits: Vec<Limit>,
    /// Servers that are never struck, by name.
    pub protected: Vec<String>,
    /// Servers with one of these tags are never struck.
    pub protected_tags: Vec<String>,
    /// When all faults are removed and the run ends `aborted`. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
}

/// One limit on what is struck at once; a strike counts until it was healed or its victim replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Of whom.
    pub of: Group,
    /// How many.
    pub at_most: Most,
}

/// Servers that a limit speaks of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Group {
    /// Those called this: `webserver`, `node`, or a role's name.
    Role(String),
    /// Those in this zone.
    Zone(String),
}

/// How many of a group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Most {
    /// This many.
    Servers(usize),
    /// This share, rounded down.
    Percent(Percent),
}

/// A stop condition.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// Availability that is not borne: `under 50%`.
    pub availability: PercentBound,
    /// It must last this long, without a break.
    #[serde(rename = "for", with = "duration")]
    pub lasts: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn safeguards_are_written_as_the_documented_file_shows() {
        let written = r#"
            [safeguards]
            limits = [{ of = { role = "webserver" }, at_most = { percent = 50.0 } }, { of = { zone = "a" }, at_most = { servers = 1 } }]
            protected = ["lb-1"]
            protected_tags = ["production"]
            abort = { availability = { under = 50.0 }, for = "5s" }
        "#;
        let read = toml::from_str::<Settings>(written).unwrap().safeguards;
        assert_eq!(read.limits[0].at_most, Most::Percent(Percent(50.0)));
        assert_eq!(read.limits[1].of, Group::Zone("a".into()));
        assert_eq!(read.abort.map(|abort| abort.lasts), Some(Duration::from_secs(5)));
        assert_eq!(toml::from_str::<Safeguards>(&toml::to_string(&read).unwrap()).unwrap(), read);
    }
}
