//! What became of each write of users, and when it ended.

use std::collections::HashSet;
use std::ptr;

use crate::history::work::OBSERVER;
use crate::history::{Ended, History, Work};
use crate::measure::meaning;
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
    let lost = if some_lost { lost(history) } else { HashSet::new() };
    let writes = history.works.iter().filter(|work| work.process != OBSERVER && work.call.is_write());
    writes.map(|work| (work.ended_us, Became::of(work.outcome, lost.contains(&ptr::from_ref(work))))).collect()
}

/// The writes that were lost, as far as they are known one by one.
fn lost(history: &History) -> HashSet<*const Work> {
    if meaning::tables_of(&history.plan).is_some() {
        let (writes, contents) = (Writes::of(history), writes::contents(history));
        let Some((writes, contents)) = writes.zip(contents.ok()) else { return HashSet::new() };
        return writes::lost(&writes, &contents).iter().map(|lost| ptr::from_ref(lost.write.work)).collect();
    }
    let works = history.works.as_slice();
    set::judge(works).lost.into_iter().chain(queue::judge(works).lost).map(ptr::from_ref).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::final_state::Content;
    use crate::history::synthetic::Script;
    use crate::judge::judge;
    use crate::site_plugin::op::What;

    fn became(script: Script) -> Vec<Became> {
        let history = script.history();
        written(&history, &judge(&history)).into_iter().map(|(_, became)| became).collect()
    }

    #[test]
    fn a_write_that_is_not_there_in_the_end_is_called_lost_where_that_is_known() {
        let script = Script::website(2, 1).databases(1).posts("u-1", 1, 2000).posts("u-1", 2, 3000);
        let script = script.operation("u-1", What::Post { number: 3 }, 4000, 9000, Ended::Info);
        let unread = [Became::Acknowledged, Became::Acknowledged, Became::Unknown];
        assert_eq!(became(script.clone()), unread);
        let entries = [("u-1", 2)].into_iter().collect();
        let read = script.holds("db-1", Content { entries, ..Content::default() });
        assert_eq!(became(read), [Became::Lost, Became::Acknowledged, Became::Unknown]);
    }
}
