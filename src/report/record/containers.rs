//! What befell the containers that stood for servers.

use serde::{Deserialize, Serialize};

/// Something that Docker reported of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ContainerRecord {
    pub at_s: f64,
    pub server: String,
    /// `out of memory`, `exited`, `restarted`, `started`, `healthy`, `unhealthy`.
    pub what: String,
    /// `with 137, as after SIGKILL`.
    pub detail: String,
    /// Whether something was wrong with it from then on.
    pub trouble: bool,
}
