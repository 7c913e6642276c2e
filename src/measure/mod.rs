//! What a history comes to: every figure that a verdict or a report names is derived here, purely.
//!
//! Nothing here judges (see [`crate::checker`]) and nothing here does I/O.
//!
//! | word | what it means |
//! |---|---|
//! | due | every intended request, sent or not; a request belongs to the moment it was due ([`sample`]) |
//! | good | answered whole, with an expected status, within the deadline of its due time |
//! | availability | good ÷ due, quoted with the deadline |
//! | latency | from due to end, whatever the outcome; **what is not good ranks as the deadline or more**: an instant 503 is not fast ([`quantile`]) |
//! | zero | the start of the steady baseline ([`moments`]) |
//! | onset | between which two moments a strike came into force: the last at which it surely was not, at any of its victims, and the first at which it surely was, at all of them |
//! | t0 | the earlier end of the first strike's onset; everything is counted from it |
//! | witnessed | the later end |
//! | downtime | from the first bad due request to the first of at least 20 good ones in a row that span at least 200 ms ([`downtime`]) |
//! | steady | availability at the objective and p99 ≤ max(1.5 × the baseline's, the baseline's + 25 ms), over a whole window ([`steady`]) |
//! | first error | the first bad request that was due, or still under way, at t0 or later |
//! | service back | the end of the first bad stretch after t0 that is followed by a whole steady window ([`recovery`]) |
//! | redundancy | every declared server booted, ready and in rotation, each virtual IP with one holder, every database replicating and one of them writable, no repair under way ([`redundancy`]) |
//! | recovery | the start of the first steady window with redundancy, after the last strike and its heal ([`recovery`]) |
//! | relapse | a stretch after recovery in which something was missing again, or requests failed ([`relapse`]) |
//! | milestone | a moment by which the first strike is described; else it was not needed, never came, or could not be observed ([`milestones`]) |
//! | dead | a process that a confirmed fault killed, and of which nothing on record says that it ran again ([`dead_process`]) |
//! | slow | more than half of the requests of 100 ms took longer than the objective, or 500 ms ([`slowness`]) |
//! | turn | one strike of a series that hits one server after the other; it has moments of its own ([`turns`]) |
//! | phases | before + degraded + after = throughout; failover lies inside degraded ([`phases`]) |
//! | model time | measured + (N − 1) × the declared waits on the way, where time runs N times faster ([`model`]) |
//! | resolution | the longer of the probes' spacing and their lateness at p99; nothing finer is asserted of outages and intervals ([`resolution`]) |
//! | known | a length of time with the two that it truly lies between ([`known`]); of a latency, by how late the prober was ([`mod@latency`]) |
//! | blind | an observer could not see what it watches, and no fault explains it ([`sight`]) |
//! | uptime | availability from t0 on, with a 95 % confidence interval by blocks of 10 s; of long runs ([`uptime`]) |
//! | back to normal | of one strike among many: the start of the first steady window with redundancy after it ([`recovery`]) |
//! | acknowledged, indeterminate, lost | what became of a write ([`writes`]) |
//! | staleness | how long ago what a read did not show had been acknowledged ([`reads`]) |
//! | valid | that the run can be believed at all ([`validity`]) |

pub mod baseline;
pub mod dead_process;
pub mod downtime;
pub mod entry;
pub mod fleet;
pub mod known;
pub mod latency;
pub mod meaning;
pub mod milestones;
pub mod model;
pub mod models;
pub mod moments;
pub mod phases;
pub mod quantile;
pub mod reads;
pub mod recovery;
pub mod redundancy;
pub mod relapse;
pub mod resolution;
pub mod sample;
pub mod sight;
pub mod slowness;
pub mod span;
pub mod steady;
pub mod timeline;
pub mod turns;
pub mod uptime;
pub mod validity;
pub mod watch_end;
pub mod worst;
pub mod writes;

pub use known::Known;
pub use model::ModelTime;
pub use moments::Moments;
pub use recovery::recovered_at;
pub use sample::Sample;
pub use span::{Observed, Span};
pub use timeline::Timeline;
