//! Verdicts: a recorded history becomes what `run.json` says of it. Pure, so a run can be judged again any time.
//!
//! The verdict of a scenario, the first line that applies:
//!
//! | verdict | when |
//! |---|---|
//! | skipped | it was not run |
//! | infra | the site did not come up, or a tool or the harness failed |
//! | invalid | it was interrupted, or the run cannot be believed ([`crate::measure::validity`]) |
//! | fail | a hypothesis was refuted |
//! | invalid | a hypothesis could not be told, or there is none |
//! | pass | every hypothesis held |

mod containers;
mod data;
mod declared;
mod headline;
mod healing;
mod leaks;
mod milestones;
mod modelled;
mod nginx;
mod run;
mod scenario;
mod strikes;
mod unchecked;

pub use run::Judging;
pub use scenario::judge;

/// The stage of a failure that is of the site: its roles are not such that it could come up.
pub const NOT_UP: &str = "the site did not come up";
/// The stage of a failure that is of the application, or of what its workload file says of it.
pub const NOT_USABLE: &str = "users can't work with the application";
