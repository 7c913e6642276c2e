//! Targets that depend on which server has the entry's address, on an inventory of which that is not known.
//!
//! | target | where nothing says who has the address | where `entry_at: outside` says that no host has it |
//! |---|---|---|
//! | active, standby | refused | refused |
//! | by the graph of links, in which clients enter at that server | refused | the links that are declared count |

use super::attached::Drafted;
use super::error::{Problem, ProblemKind};
use crate::document::DocumentError;
use crate::environment::{Adopted, EntryAt};
use crate::plan::{Act, Choice, Partition, StrikeOrder, Target};

/// The strikes whose victims can't be known.
pub(super) fn unknown(one: &Drafted<'_>, adopted: &Adopted) -> Vec<Problem> {
    let orders = one.declaration.acts.iter().flat_map(Act::orders);
    let problem = |order: &StrikeOrder| {
        let why = targets(order).find_map(|target| why(target, &adopted.entry_at))?;
        Some(Problem::at(&one.listed.file.path, order.step.line, ProblemKind::Meaning, why))
    };
    orders.filter_map(problem).collect()
}

fn targets(order: &StrikeOrder) -> impl Iterator<Item = &Target> {
    let far = match &order.partition {
        Some(Partition::Between(far) | Partition::From(far)) => Some(far),
        Some(Partition::Halves | Partition::MajoritiesRing) | None => None,
    };
    std::iter::once(&order.target).chain(far)
}

fn why(target: &Target, entry_at: &EntryAt) -> Option<String> {
    let by_holder = matches!(target.choice, Choice::Active | Choice::Standby);
    let by_graph = matches!(target.choice, Choice::HighestDegree(_) | Choice::MostCentral(_) | Choice::Critical);
    let text = &target.text;
    match entry_at {
        EntryAt::NotSaid(at) if by_graph => Some(format!(
            "`{text}` depends on which server users enter at, and {} does not say it\n  help: {}",
            place(at),
            at.hint.as_deref().unwrap_or_default()
        )),
        EntryAt::NotSaid(at) | EntryAt::Outside(at) if by_holder => Some(format!(
            "`{text}` depends on which server has the entry's address, and by {} none is known to have it\n  help: say \
             `entry_at:` there, with a host or a virtual IP, or choose servers in another way",
            place(at)
        )),
        EntryAt::Known | EntryAt::NotSaid(_) | EntryAt::Outside(_) => None,
    }
}

/// `staging.yaml:7`
fn place(at: &DocumentError) -> String {
    let file = at.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    at.line.map_or(file.clone(), |line| format!("{file}:{line}"))
}
