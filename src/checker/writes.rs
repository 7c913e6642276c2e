//! What users wrote against what the databases held in the end: `no acknowledged write is lost`, `no write is applied
//! twice`, `every name has one owner`, `the follower counts are right`.
//!
//! Definitions are in [`crate::measure::writes`]. A write that nobody can tell of may be there or not; what cannot be
//! compared at all leaves the question open.

use crate::history::History;
use crate::history::final_state::Content;
use crate::measure::Moments;
use crate::measure::writes::{self, Lost, Writes, named};

use super::judgement::show_us;
use super::{Checker, Judgement, workload};

/// How many findings a reason names.
const NAMED: usize = 3;

pub(super) struct NoAcknowledgedWriteLost;

impl Checker for NoAcknowledgedWriteLost {
    fn check(&self, history: &History) -> Judgement {
        if history.plan.workload.is_some() {
            return workload::lost(history);
        }
        let found = || {
            let writes = Writes::telling(history)?;
            let lost = writes::lost(&writes, &writes::contents(history)?);
            let moments = Moments::of(history);
            let lost: Vec<String> = lost.iter().map(|lost| lost_in_words(lost, &moments)).collect();
            Ok((lost, writes.acknowledged.len()))
        };
        none_of("writes", found())
    }
}

pub(super) struct NoWriteTwice;

impl Checker for NoWriteTwice {
    fn check(&self, history: &History) -> Judgement {
        if history.plan.workload.is_some() {
            return workload::twice(history);
        }
        let found = || {
            let writes = Writes::telling(history)?;
            let contents = writes::contents(history)?;
            let twice = each(&contents, |content| content.twice.iter().map(|row| format!("{row} twice")).collect());
            let unasked = each(&contents, |content| {
                writes::unasked(&writes, content)
                    .into_iter()
                    .map(|row| format!("{row}, which no user asked for"))
                    .collect()
            });
            Ok((twice.into_iter().chain(unasked).collect(), writes.acknowledged.len()))
        };
        none_of("writes", found())
    }
}

pub(super) struct OneOwner;

impl Checker for OneOwner {
    fn check(&self, history: &History) -> Judgement {
        let found = || {
            let writes = Writes::telling(history)?;
            let contended = writes::contended(history);
            if contended == 0 {
                return Err("no name was asked for by two users".to_string());
            }
            let told: Vec<String> = (writes::owned_twice(&writes).into_iter())
                .map(|(name, owners)| {
                    let owners: Vec<&str> = owners.into_iter().collect();
                    format!("{name} was given to {}", owners.join(" and to "))
                })
                .collect();
            Ok((told, contended))
        };
        none_of("names", found())
    }
}

pub(super) struct FollowersCounted;

impl Checker for FollowersCounted {
    fn check(&self, history: &History) -> Judgement {
        let found = || {
            Writes::telling(history)?;
            let contents = writes::contents(history)?;
            let follows = contents.iter().map(|(_, content)| content.follows.len()).max().unwrap_or(0);
            if follows == 0 {
                return Err("no user follows another".to_string());
            }
            Ok((each(&contents, writes::miscounted), follows))
        };
        none_of("counters", found())
    }
}

/// What is said of each database, with its name.
fn each(contents: &[(&str, &Content)], say: impl Fn(&Content) -> Vec<String>) -> Vec<String> {
    let of = |(server, content): &(&str, &Content)| -> Vec<String> {
        say(content).into_iter().map(|found| format!("on {server}: {found}")).collect()
    };
    contents.iter().flat_map(of).collect()
}

fn lost_in_words(lost: &Lost<'_>, moments: &Moments) -> String {
    let write = lost.write;
    let when = moments.t0_us.map(|t0_us| match write.ended_us.checked_sub(t0_us) {
        Some(after) => format!(" (acknowledged {} after t0)", show_us(after)),
        None => format!(" (acknowledged {} before t0)", show_us(t0_us - write.ended_us)),
    });
    let missing = lost.missing_on.join(" and on ");
    format!("{}{} is not on {missing}", named(&write.process, &write.op), when.unwrap_or_default())
}

/// Nothing of the kind may have been found among `n`.
fn none_of(unit: &str, found: Result<(Vec<String>, usize), String>) -> Judgement {
    match found {
        Err(why) => Judgement::invalid("0".into(), unit, 0, why),
        Ok((found, n)) => Judgement::none_of(unit, &found, n as u64, NAMED),
    }
}

#[cfg(test)]
#[path = "writes_tests.rs"]
mod tests;
