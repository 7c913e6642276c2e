//! `[reconciler]`: how often it compares, and what it does about what it finds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::words;
use crate::units::{self, duration};

/// `[reconciler]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReconcilerSettings {
    /// Whether the reconciler runs at all. Default yes.
    pub enabled: bool,
    /// How often it compares. Default 1 s (the paper's: one minute).
    #[serde(with = "duration::positive")]
    pub every: Duration,
    /// How many replacements go side by side. Default 4.
    #[serde(deserialize_with = "units::positive")]
    pub at_once: usize,
    /// What is done about instances that are not declared, and about second ones of a name. Default: left alone.
    #[serde(deserialize_with = "words::one_of")]
    pub surplus: Policy,
    /// What is done about instances that are off, hang or do not serve. Default: left alone.
    #[serde(deserialize_with = "words::one_of")]
    pub unhealthy: Policy,
    /// For how many looks in a row such an instance must not have served. Default 5.
    #[serde(deserialize_with = "units::positive")]
    pub unhealthy_after: u32,
    /// Whether it holds back when much fails at once. Default yes: what failed is left alone for a while, unhealthy
    /// instances are terminated one after another, each when the one before is replaced, and databases are rebuilt one
    /// at a time. Without it everybody is replaced at once, and whatever fails tried again at once.
    pub back_off: bool,
    /// How long a call to the provider or to a server may take; a boot may take a minute, and its declared time. Default
    /// 10 s.
    #[serde(with = "duration::positive")]
    pub call_within: Duration,
    /// How long what failed is left alone after its first failure; twice as long after each further one, less up to
    /// half of it, drawn with the seed. Default 1 s.
    #[serde(with = "duration")]
    pub retry_first: Duration,
    /// The longest that it is left alone. Default 30 s.
    #[serde(with = "duration")]
    pub retry_most: Duration,
}

/// What is done about an instance that should not be there, or does not do its work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// It is reported, and left to people.
    #[default]
    Leave,
    /// It is terminated; what was declared is missing then, and replaced.
    Terminate,
}

impl Default for ReconcilerSettings {
    fn default() -> Self {
        ReconcilerSettings {
            enabled: true,
            every: Duration::from_secs(1),
            at_once: 4,
            surplus: Policy::Leave,
            unhealthy: Policy::Leave,
            unhealthy_after: 5,
            back_off: true,
            call_within: Duration::from_secs(10),
            retry_first: Duration::from_secs(1),
            retry_most: Duration::from_secs(30),
        }
    }
}
