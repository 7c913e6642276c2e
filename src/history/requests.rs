//! Every request, exact: what was due, when it was sent, when it ended, how.
//!
//! How they lie on disk is [`request_log`](super::request_log)'s business.

use serde::{Deserialize, Serialize};

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The open-loop prober: the judge.
    Prober,
    /// A user, who browses or works with data: pressure.
    User,
}

/// One intended request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was due (prober) or begun (user), in microseconds on the run's clock.
    pub due_us: u64,
    /// How much later than due it was really sent, in microseconds (0 for users and for what was never sent).
    pub late_us: u32,
    /// From due to end, in microseconds; for what was not answered in time, the deadline or more.
    pub latency_us: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended. Only [`Outcome::Good`] is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A good status and the whole expected body, within the deadline of its due time.
    Good,
    /// A whole answer with a status that does not count as good.
    Status(u16),
    /// A good status, but the body is not what it should be.
    WrongBody,
    /// No whole answer within the deadline.
    Timeout,
    /// The connection was refused, or the network said there is no way.
    Refused,
    /// The connection broke.
    Broken,
    /// It was due, but too many were under way already.
    NotSent,
}

impl Outcome {
    /// Whether users got what they asked for.
    pub fn is_good(self) -> bool {
        self == Outcome::Good
    }
}
