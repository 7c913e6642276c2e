//! Workload files: what users do with an application's data, as requests of the application, statements of SQL or commands.
//!
//! A workload that another crate registers says that by itself: of it the plan has the name alone.
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
//! database: postgresql://shop:${PASSWORD}@db-1:5432/shop   # what `sql` is sent to; or mysql://…
//! reads: 20                               # percent of the operations; the default
//! value_size: 1000                        # bytes of each value; default: as short as can be
//! settle: 2 s                             # from the end of the load until all is read for the last time; the default
//! served_by: X-Served-By                  # the answer's header that says which server gave it
//! ```
//! | of a call | |
//! |---|---|
//! | `path`, `method`, `headers` | an HTTP request of the application; `GET` where nothing else is said |
//! | `json` or `body` | what is sent |
//! | `sql` | or a statement for the `database`; what stands in `{{ }}` is bound as a parameter. Its first column is what is read |
//! | `command` | or a program of this machine with its arguments; no shell. It may also say `{{ site }}` and `{{ servers["db-1"] }}` |
//! | `ok` | statuses (or exit codes) that acknowledge it; default 200 to 299 (0) |
//! | `fail` | those that say that nothing was done, and will not be; default none. Of any other answer nothing is known |
//! | `none` | those that say that there is no value, or no message |
//! | `value`, `values` | where in the answer's JSON it is, as a JSONPath (RFC 9535). Without it: the whole text; each line of it |

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod around;
mod call;
mod check;
mod database;
mod file;
mod method;
mod notes;
mod statement;
mod value;

pub use around::Around;
pub use call::{CallSpec, Filled, Means, Names, Prepared, Templates};
pub use database::{DatabaseKind, DatabaseSpec, Password};
pub use file::read;
pub use statement::{Parameter, Statement};
pub use value::Values;

use crate::document::DocumentError;
use crate::document::yaml::{PathSegment, Source};
use crate::units::{Percent, duration};

/// A workload, read and checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// What says what users do.
    #[serde(flatten)]
    pub source: WorkloadSource,
    /// Which database statements are sent to; there is one where a call is a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseSpec>,
    /// What of it is asked for: of a file at least one, each kind once; of a registered workload none.
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

/// What says what users do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadSource {
    /// This file, as it was named.
    File(PathBuf),
    /// What another crate registered under this name.
    Registered(String),
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

    /// Its calls, by their names in the file.
    pub fn calls(&self) -> Vec<(&'static str, &CallSpec)> {
        match self {
            Model::Set { add, read } => vec![("add", add), ("read", read)],
            Model::Register { write, read, compare_and_set, .. } => {
                let compare = compare_and_set.as_deref().map(|call| ("compare_and_set", call));
                [("write", write), ("read", read)].into_iter().chain(compare).collect()
            }
            Model::Counter { increment, read, .. } => vec![("increment", increment), ("read", read)],
            Model::Queue { enqueue, dequeue, .. } => vec![("enqueue", enqueue), ("dequeue", dequeue)],
        }
    }
}

impl Workload {
    /// The one that another crate registered under this name.
    pub fn registered(name: &str) -> Workload {
        Workload {
            source: WorkloadSource::Registered(name.into()),
            database: None,
            models: Vec::new(),
            reads: file::READS,
            settle: file::SETTLE,
            value_size: 0,
            served_by: None,
        }
    }

    /// Its name, where another crate registered it.
    pub fn registered_name(&self) -> Option<&str> {
        match &self.source {
            WorkloadSource::File(_) => None,
            WorkloadSource::Registered(name) => Some(name),
        }
    }

    /// What it is called: its file, as it was named, or its name.
    pub fn name(&self) -> String {
        self.file().display().to_string()
    }

    fn file(&self) -> &Path {
        match &self.source {
            WorkloadSource::File(file) => file,
            WorkloadSource::Registered(name) => Path::new(name),
        }
    }

    /// Whether there is a model of this name.
    pub fn has(&self, name: &str) -> bool {
        self.models.iter().any(|model| model.name() == name)
    }

    /// Every call: the model's name, its own, and what it is.
    pub fn calls(&self) -> impl Iterator<Item = (&'static str, &'static str, &CallSpec)> {
        self.models.iter().flat_map(|model| model.calls().into_iter().map(|(name, call)| (model.name(), name, call)))
    }

    /// An error about an item of its file, at the item's place where the file can be read still.
    pub(crate) fn error(
        &self,
        path: &[PathSegment],
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> DocumentError {
        let hint = Some(hint.into());
        match Source::read(self.file()) {
            Ok(source) => source.error(path, detail, hint),
            Err(_) => DocumentError { file: Some(self.file().into()), hint, ..DocumentError::new(detail) },
        }
    }
}
