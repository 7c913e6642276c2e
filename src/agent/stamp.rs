//! When an effect came into force on a victim and when it ended: stamped there, by the victim's own clock, since what
//! travels over the path that a fault spoils may come late or not at all.

use serde::{Deserialize, Serialize};

use super::Observation;

/// Between these two moments, in microseconds of the victim's `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Within {
    /// It surely had not happened yet.
    pub not_before_us: u64,
    /// It surely had happened.
    pub by_us: u64,
}

/// What the holder of a strike stamped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    /// From just before it injected until it saw the effect in force; `None`: not yet, or never seen.
    pub onset: Option<Within>,
    /// From just before it healed until it saw the effect gone; `None`: not yet.
    pub ended: Option<Within>,
    /// What went wrong, when no one was there to be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a victim knows of one strike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What its holder stamped; `None` where there is neither a holder nor a record of it.
    pub stamps: Option<Stamps>,
    /// What another process saw there and then: a holder that lies about its stamps contradicts it.
    pub seen: Observation,
    /// From just before that look until just after it.
    pub looked: Within,
}
