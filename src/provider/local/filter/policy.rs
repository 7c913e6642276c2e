//! What a cloud decides of an instance's packets.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What passes to and from an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Policy {
    /// Everything.
    Open,
    /// What a rule allows, and answers to it. A connection that no rule allows any more is cut at once.
    Rules {
        /// What it may send from.
        sources: Vec<Prefix>,
        /// What is allowed; nothing is where there is none.
        rules: Vec<Rule>,
    },
}

/// Allows connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Who opens them.
    pub direction: Direction,
    /// The protocol, by its number; any where there is none.
    #[serde(default)]
    pub protocol: Option<u8>,
    /// The first and the last port of the one who is called. Of ICMP: the type, and the code if it matters.
    #[serde(default)]
    pub ports: Option<(u16, Option<u16>)>,
    /// Who is at the other end, any of these; anybody where there is none.
    #[serde(default)]
    pub remotes: Option<Vec<Prefix>>,
}

/// Which end opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The other one.
    Ingress,
    /// The instance.
    Egress,
}

/// A range of addresses; as text `198.18.0.0/22`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    address: Ipv4Addr,
    length: u8,
}

/// A text that is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of IPv4 addresses, such as 198.18.0.0/22")]
pub struct PrefixError(String);

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let length = length.parse().ok().filter(|length| *length <= 32);
        let prefix = address.parse().ok().zip(length).map(|(address, length)| Prefix { address, length });
        prefix.ok_or_else(|| PrefixError(text.into()))
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
