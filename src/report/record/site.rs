//! The site that a scenario declared.

use serde::{Deserialize, Serialize};

/// A declared server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerRecord {
    pub name: String,
    /// The name of its role file: `webserver`.
    pub role: String,
    pub zone: Option<String>,
    pub tags: Vec<String>,
    /// It waits for a server that it replaces.
    pub spare: bool,
    /// A fault struck it, confirmed or not.
    pub struck: bool,
}

/// A server without which no request can be served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SinglePointRecord {
    pub server: String,
    /// What is cut off without it.
    pub why: String,
}
