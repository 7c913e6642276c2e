//! Thens that other crates add: see [`register!`](crate::register).

use super::{Checker, Judgement, workload};
use crate::history::History;
use crate::verdict::Verdict;

/// A Then of another crate: how features say it, and how it is judged.
pub trait Then: Sync {
    /// Its name in plans and reports, in lower case with dashes.
    fn name(&self) -> &'static str;

    /// What features say, as cucumber expressions: `the cache is warm again within {duration}`. Parameters are those of the step language.
    fn phrases(&self) -> &'static [&'static str];

    /// Whether it speaks of a time that only a strike makes, so that a scenario without one is refused.
    fn needs_strike(&self) -> bool {
        true
    }

    /// The registered workloads whose operations it judges; none where it judges something else.
    ///
    /// Where there are some, a scenario whose users work with none of them is refused, and a pass counts only where there is evidence: something
    /// was acknowledged, also after the fault, and everything that users wanted to read in the end was read.
    fn workloads(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it looks at what the databases held in the end, so that a scenario without them is refused.
    fn needs_databases(&self) -> bool {
        false
    }

    /// Looks at what a step says, before anything boots.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    fn accept(&self, _said: &[String]) -> Result<(), (String, String)> {
        Ok(())
    }

    /// Judges what was recorded. Pure: the same history gives the same judgement. `said` has the texts of the phrase's parameters, in
    /// their order.
    fn judge(&self, history: &History, said: &[String]) -> Judgement;
}

/// One of them, and where it was registered.
#[derive(Clone, Copy)]
pub struct RegisteredThen {
    /// How it is judged.
    pub then: &'static dyn Then,
    /// The file and the line.
    pub place: (&'static str, u32),
}

cucumber::codegen::collect!(RegisteredThen);

/// Those that are linked in, by place.
pub fn registered() -> Vec<RegisteredThen> {
    let mut all: Vec<RegisteredThen> =
        cucumber::codegen::inventory::iter::<RegisteredThen>.into_iter().copied().collect();
    all.sort_by_key(|registered| registered.place);
    all
}

/// The one of this name.
pub fn named(name: &str) -> Option<&'static dyn Then> {
    registered().into_iter().map(|registered| registered.then).find(|then| then.name() == name)
}

/// Judges by the Then of this name.
pub(super) struct Registered {
    pub name: String,
    pub said: Vec<String>,
}

impl Checker for Registered {
    fn check(&self, history: &History) -> Judgement {
        match named(&self.name) {
            Some(then) => {
                let lacking = workload::lacking(history, then.workloads());
                then.judge(history, &self.said).unless_unseen(lacking)
            }
            None => Judgement::not_told(
                "",
                format!("this program has no Then “{}”: judge the run by the test target that registers it", self.name),
            ),
        }
    }
}

impl Judgement {
    /// What was observed, whether that is as expected, and why it is not.
    pub fn told(
        is_kept: bool,
        expected: impl Into<String>,
        observed: impl Into<String>,
        reason: Option<String>,
    ) -> Judgement {
        let observed = observed.into();
        Judgement { observed, reason, ..Judgement::blank(Verdict::of(is_kept), expected.into(), "") }
    }

    /// What can't be told, and why: never a pass, and never a failure.
    pub fn not_told(expected: impl Into<String>, reason: impl Into<String>) -> Judgement {
        Judgement::invalid(expected.into(), "", 0, reason)
    }
}
