//! Workload files: what users do with an application's data, as requests of the application or commands.
//!
//! ```yaml
//! # orders.workload.yaml
//! set:                                    # unique values are added, and all are read back
//!   add: { method: POST, path: /orders, json: { item: "{{ value }}" }, ok: [201] }
//!   read: { path: /orders, values: "$[*].item" }
//! register:                               # a value is written and read
//!   keys: 20                              # so many registers; default 1
//!   write: { method: PUT, path: "/stock/{{ key }}", json: { count: "{{ value }}" } }
//!   read: { path: "/stock/{{ key }}", value: $.count, none: [404] }
//!   compare_and_set: { method: POST, path: "/stock/{{ key }}", json: { from: "{{ from }}", to: "{{ to }}" }, fail: [409] }
//! counter:                                # it is raised and read
//!   increment: { method: POST, path: /visits, body: "{{ by }}" }
//!   read: { path: /visits, value: $.visits }
//! queue:                                  # messages are sent, and taken out
//!   enqueue: { command: [rabbit, publish, "{{ value }}"] }
//!   dequeue: { command: [rabbit, get], none: [3] }
//! reads: 20                               # percent of the operations; the default
//! value_size: 1000                        # bytes of each value; default: as short as can be
//! settle: 2 s                             # from the end of the load until all is read for the last time; the default
//! served_by: X-Served-By                  # the answer's header that says which server gave it
//! ```
//! | of a call | |
//! |---|---|
//! | `path`, `method`, `headers` | an HTTP request of the application; `GET` where nothing else is said |
//! | `json` or `body` | what is sent |
//! | `command` | or a program of this machine with its arguments; no shell |
//! | `ok` | statuses (or exit codes) that acknowledge it; default 200 to 299 (0) |
//! | `fail` | those that say that nothing was done, and will not be; default none. Of any other answer nothing is known |
//! | `none` | those that say that there is no value, or no message |
//! | `value`, `values` | where in the answer's JSON it is, as a JSONPath (RFC 9535). Without it: the whole text; each line of it |

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod call;
mod file;
mod value;

pub use call::{CallSpec, Filled, Means, Names, Templates};
pub use file::read;
pub use value::Values;

use crate::units::{Percent, duration};

/// A workload, read and checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The file, as it was named.
    pub file: PathBuf,
    /// What of it is asked for; at least one, each kind once.
    pub models: Vec<Model>,
    /// How many of the operations are reads.
    pub reads: Percent,
    /// How long the application has, when the load is over, until it is read for the last time.
    #[serde(with = "duration")]
    pub settle: Duration,
    /// The length of a value, in bytes; a number that needs more has more.
    pub value_size: usize,
    /// The header of an answer that names the server that gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<String>,
}

/// A kind of data, and how it is changed and read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Values are added, and all are read back.
    Set { add: CallSpec, read: CallSpec },
    /// Values are written and read.
    Register { keys: u32, write: CallSpec, read: CallSpec, compare_and_set: Option<Box<CallSpec>> },
    /// It is raised and read.
    Counter { keys: u32, increment: CallSpec, read: CallSpec },
    /// Messages are sent, and taken out.
    Queue { keys: u32, enqueue: CallSpec, dequeue: CallSpec },
}

impl Model {
    /// What it is called in a workload file.
    pub fn name(&self) -> &'static str {
        match self {
            Model::Set { .. } => "set",
            Model::Register { .. } => "register",
            Model::Counter { .. } => "counter",
            Model::Queue { .. } => "queue",
        }
    }

    /// How many of them there are.
    pub fn keys(&self) -> u32 {
        match self {
            Model::Set { .. } => 1,
            Model::Register { keys, .. } | Model::Counter { keys, .. } | Model::Queue { keys, .. } => *keys,
        }
    }
}

impl Workload {
    /// Whether there is a model of this name.
    pub fn has(&self, name: &str) -> bool {
        self.models.iter().any(|model| model.name() == name)
    }
}
