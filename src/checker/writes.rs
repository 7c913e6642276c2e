//! What users wrote: `no acknowledged write is lost`, `no write is applied twice`. What users of a workload file wrote is judged in [`workload`]; what
//! those of a registered workload with tables did, against what the databases held in the end.
//!
//! Definitions are in [`crate::measure::writes`]. A write whose end can't be known may be there or not; what cannot be
//! compared at all leaves the question open.

use crate::history::History;
use crate::history::final_state::Content;
use crate::measure::Moments;
use crate::measure::meaning;
use crate::measure::writes::{self, Lost, Writes};

use super::judgement::show_us;
use super::{Checker, Judgement, workload};

/// How many findings a reason names.
const NAMED: usize = 3;

/// Whether what was written is in databases, whose tables are known.
fn is_in_tables(history: &History) -> bool {
    meaning::tables_of(&history.plan).is_some()
}

pub(super) struct NoAcknowledgedWriteLost;

impl Checker for NoAcknowledgedWriteLost {
    fn check(&self, history: &History) -> Judgement {
        if !is_in_tables(history) {
            return workload::lost(history);
        }
        let found = || {
            let writes = Writes::telling(history)?;
            let contents = writes::contents(history)?;
            let moments = Moments::of(history);
            let lost = writes::lost(&writes, &contents);
            let lost: Vec<String> = lost.iter().map(|lost| lost_in_words(lost, writes.noun, &moments)).collect();
            Ok((lost, writes))
        };
        none_of(found())
    }
}

pub(super) struct NoWriteTwice;

impl Checker for NoWriteTwice {
    fn check(&self, history: &History) -> Judgement {
        if !is_in_tables(history) {
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
            Ok((twice.into_iter().chain(unasked).collect(), writes))
        };
        none_of(found())
    }
}

/// What is said of each database, with its name.
fn each(contents: &[(&str, &Content)], say: impl Fn(&Content) -> Vec<String>) -> Vec<String> {
    let of = |(server, content): &(&str, &Content)| -> Vec<String> {
        say(content).into_iter().map(|found| format!("on {server}: {found}")).collect()
    };
    contents.iter().flat_map(of).collect()
}

fn lost_in_words(lost: &Lost<'_, '_>, noun: &str, moments: &Moments) -> String {
    let ended_us = lost.write.work.ended_us;
    let when = moments.t0_us.map(|t0_us| match ended_us.checked_sub(t0_us) {
        Some(after) => format!(" (acknowledged {} after t0)", show_us(after)),
        None => format!(" (acknowledged {} before t0)", show_us(t0_us - ended_us)),
    });
    let missing = lost.missing_on.join(" and on ");
    format!("{}{} is not on {missing}", lost.write.row.words(noun), when.unwrap_or_default())
}

/// Nothing of the kind may have been found among the writes that were acknowledged.
fn none_of(found: Result<(Vec<String>, Writes<'_>), String>) -> Judgement {
    match found {
        Err(why) => Judgement::invalid("0".into(), "writes", 0, why),
        Ok((found, Writes { acknowledged, unclear, .. })) => {
            Judgement::none_of("writes", &found, acknowledged.len() as u64, NAMED).unless_unseen(unclear)
        }
    }
}

#[cfg(test)]
#[path = "writes_tests.rs"]
mod tests;
