//! What became of each write of users, and when it ended.

use std::collections::HashSet;
use std::ptr;

use crate::history::work::OBSERVER;
use crate::history::{Ended, History, Operation, Work};
use crate::measure::models::{queue, set};
use crate::measure::writes::{self, Writes};
use crate::report::record::ScenarioRecord;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was acknowledged, and nothing says that it was lost.
    Acknowledged,
    /// It was acknowledged, and is not there.
    Lost,
    /// It may have been applied or not.
    Unknown,
    /// It was not.
    NotApplied,
}

impl Became {
    /// All, in the order in which they are stacked.
    pub const ALL: [Became; 4] = [Became::Acknowledged, Became::Lost, Became::Unknown, Became::NotApplied];

    fn of(ended: Ended, is_lost: bool) -> Became {
        match ended {
            Ended::Ok if is_lost => Became::Lost,
            Ended::Ok => Became::Acknowledged,
            Ended::Info => Became::Unknown,
            Ended::Fail => Became::NotApplied,
        }
    }
}

/// Each write, by when it ended, in microseconds on the run's clock. Which writes of a register or a counter were lost is not known one by one,
/// and none is called lost where that could not be told of them all.
pub fn written(history: &History, record: &ScenarioRecord) -> Vec<(u64, Became)> {
    let some_lost = record.data.as_ref().and_then(|data| data.writes_lost).is_some_and(|lost| lost > 0);
    if history.plan.workload.is_some() {
        of_works(&history.works, some_lost)
    } else {
        of_operations(history, some_lost)
    }
}

fn of_works(works: &[Work], some_lost: bool) -> Vec<(u64, Became)> {
    let lost: HashSet<*const Work> = match some_lost {
        true => set::judge(works).lost.into_iter().chain(queue::judge(works).lost).map(ptr::from_ref).collect(),
        false => HashSet::new(),
    };
    let writes = works.iter().filter(|work| work.process != OBSERVER && work.call.is_write());
    writes.map(|work| (work.ended_us, Became::of(work.outcome, lost.contains(&ptr::from_ref(work))))).collect()
}

fn of_operations(history: &History, some_lost: bool) -> Vec<(u64, Became)> {
    let writes = Writes::of(history);
    let contents = writes::contents(history).ok().filter(|_| some_lost).unwrap_or_default();
    let lost: HashSet<*const Operation> =
        writes::lost(&writes, &contents).iter().map(|lost| ptr::from_ref(lost.write)).collect();
    let writes = history.operations.iter().filter(|operation| operation.op.is_write());
    writes.map(|one| (one.ended_us, Became::of(one.outcome, lost.contains(&ptr::from_ref(one))))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Op;
    use crate::history::final_state::Content;
    use crate::history::operation::Posts;
    use crate::history::synthetic::Script;
    use crate::judge::judge;

    fn became(script: Script) -> Vec<Became> {
        let history = script.history();
        written(&history, &judge(&history)).into_iter().map(|(_, became)| became).collect()
    }

    #[test]
    fn a_write_that_is_not_there_in_the_end_is_called_lost_where_that_is_known() {
        let script = Script::website(2, 1).databases(1).posts("u-1", 1, 2000).posts("u-1", 2, 3000);
        let script = script.operation("u-1", Op::Post { seq: 3 }, 4000, 9000, Ended::Info);
        let unread = [Became::Acknowledged, Became::Acknowledged, Became::Unknown];
        assert_eq!(became(script.clone()), unread);
        let posts = Posts([("u-1".to_string(), [2].into_iter().collect())].into());
        let read = script.holds("db-1", Content { posts, ..Content::default() });
        assert_eq!(became(read), [Became::Lost, Became::Acknowledged, Became::Unknown]);
    }
}
