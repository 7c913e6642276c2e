//! `the {role} agree within {duration}`: once the load has stopped, their positions become equal and stay so, and then
//! every table has the same checksum everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::history::History;
use crate::history::final_state::{DatabaseRead, Settling};
use crate::measure::Known;
use crate::measure::writes::databases;
use crate::units::{Bound, HumanDuration};

use super::compare::Measured;
use super::judgement::{Timed, show_us};
use super::{Checker, Judgement};
use crate::verdict::Verdict;

pub(super) struct Agree {
    pub role: String,
    pub within: Duration,
}

impl Checker for Agree {
    fn check(&self, history: &History) -> Judgement {
        let bound = Bound::AtMost(HumanDuration(self.within));
        let invalid = |why: String| Judgement::invalid(bound.to_string(), "s", 0, why);
        let Some(settling) = &history.final_state.settling else {
            return invalid("no observer watched whether the databases came to agree".into());
        };
        let called: BTreeSet<&str> =
            history.plan.infrastructure.servers_called(&self.role).iter().map(|server| server.name.as_str()).collect();
        let reads: Vec<&DatabaseRead> = match databases(history) {
            Ok(reads) => reads.iter().filter(|read| called.contains(read.server.as_str())).collect(),
            Err(why) => return invalid(why),
        };
        if reads.len() < 2 {
            return invalid(format!("only {} of the databases ran in the end, and it takes 2 to agree", reads.len()));
        }
        if reads.iter().all(|read| read.checksums.is_empty()) {
            return invalid("no database held a table in the end".into());
        }
        let judgement = timed(settling, bound).judge();
        match differing(&reads) {
            Some(why) if judgement.verdict != Verdict::Invalid => {
                Judgement { verdict: Verdict::Fail, observed: "they differ".into(), reason: Some(why), ..judgement }
            }
            _ => judgement,
        }
    }
}

fn timed(settling: &Settling, bound: Bound<HumanDuration>) -> Timed {
    let took = |until_us: u64| until_us.saturating_sub(settling.from_us);
    let waited = took(settling.until_us);
    let (measured, observed) = match settling.agreed_us {
        Some(agreed_us) => {
            let known = Known::within(took(agreed_us), settling.resolution_us);
            (Measured::Known(known), known.to_string())
        }
        None => (Measured::AtLeast(waited), format!("never (over {})", show_us(waited))),
    };
    let positions: Vec<String> = settling.positions.iter().map(|(server, at)| format!("{server} at {at}")).collect();
    Timed {
        bound,
        measured,
        n: None,
        observed,
        note: settling.agreed_us.is_none().then(|| positions.join(", ")),
        unknown: "the wait ended before that".into(),
        unit: "s",
    }
}

/// The first table that is not the same everywhere, in words.
fn differing(reads: &[&DatabaseRead]) -> Option<String> {
    let tables: BTreeSet<&String> = reads.iter().flat_map(|read| read.checksums.keys()).collect();
    tables.into_iter().find_map(|table| {
        let mut by_checksum: BTreeMap<Option<&String>, Vec<&str>> = BTreeMap::new();
        for read in reads {
            by_checksum.entry(read.checksums.get(table)).or_default().push(&read.server);
        }
        let sides: Vec<String> = by_checksum.values().map(|servers| servers.join(", ")).collect();
        (sides.len() > 1).then(|| format!("the checksum of “{table}” is not the same on {}", sides.join(" and on ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::final_state::Content;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;

    fn posts(checksum: &str) -> BTreeMap<String, String> {
        [("site.posts".to_string(), checksum.to_string())].into()
    }

    fn holding(script: Script, server: &str, checksum: &str) -> Script {
        script.holds_with(server, Content::default(), posts(checksum))
    }

    /// The load stops at 20 s; the wait is given up after 10 s.
    fn settled(agreed_ms: Option<u64>) -> Script {
        let mut script = Script::website(2, 2).databases(2);
        script.final_state.settling = Some(Settling {
            from_us: 20_000_000,
            agreed_us: agreed_ms.map(|ms| ms * 1000),
            until_us: 30_000_000,
            resolution_us: 100_000,
            positions: [("db-1".into(), "0-1-9".into()), ("db-2".into(), "0-1-7".into())].into(),
        });
        script
    }

    fn judged(script: &Script, within: u64) -> Judgement {
        let within = Duration::from_secs(within);
        crate::checker::of(&Expectation::Agree { role: "database".into(), within }).check(&script.history())
    }

    #[test]
    fn they_agree_when_positions_and_checksums_do() {
        let same = |script: Script| holding(holding(script, "db-1", "7"), "db-2", "7");
        let judgement = judged(&same(settled(Some(20_800))), 1);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Pass, "800 ms"));
        assert_eq!(judged(&same(settled(Some(22_000))), 1).verdict, Verdict::Fail);
        let judgement = judged(&same(settled(None)), 5);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Fail, "never (over 10 s)"));
        assert_eq!(judgement.reason.as_deref(), Some("db-1 at 0-1-9, db-2 at 0-1-7"));
        assert_eq!(judged(&same(settled(None)), 15).verdict, Verdict::Invalid);
    }

    #[test]
    fn equal_positions_with_other_content_are_no_agreement() {
        let judgement = judged(&holding(holding(settled(Some(20_800)), "db-1", "7"), "db-2", "8"), 1);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Fail, "they differ"));
        assert_eq!(
            judgement.reason.as_deref(),
            Some("the checksum of “site.posts” is not the same on db-1 and on db-2")
        );
    }

    #[test]
    fn what_was_not_watched_or_read_leaves_it_open() {
        let unwatched = holding(holding(Script::website(2, 2).databases(2), "db-1", "7"), "db-2", "7");
        assert_eq!(judged(&unwatched, 1).verdict, Verdict::Invalid);
        assert_eq!(judged(&holding(settled(Some(20_800)), "db-1", "7"), 1).verdict, Verdict::Invalid);
        let alone = holding(settled(Some(20_800)).dies(6000, "db-2"), "db-1", "7");
        assert!(judged(&alone, 1).reason.unwrap().contains("it takes 2 to agree"));
    }
    #[test]
    fn without_a_table_nothing_can_differ_and_that_is_no_agreement() {
        let empty = |script: Script, server| script.holds_with(server, Content::default(), BTreeMap::new());
        let judgement = judged(&empty(empty(settled(Some(20_800)), "db-1"), "db-2"), 1);
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert_eq!(judgement.reason.as_deref(), Some("no database held a table in the end"));
    }
}
