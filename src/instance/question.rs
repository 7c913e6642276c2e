//! One look whether a server answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What one look looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The server's own address, and its role's port or the one that its readiness names.
    pub at: SocketAddr,
    /// Whether a TCP connect must succeed.
    pub tcp: bool,
    /// The path that must be answered with a status under 400, by HTTP.
    pub http: Option<String>,
}
