//! What is judged as it was measured although time ran faster: shares and latencies of requests, which nothing declared
//! makes longer. The judgement says so.

use crate::history::History;
use crate::measure::ModelTime;

use super::judgement::joined;
use super::{Checker, Judgement};

/// Asks another checker, and says where declared waits were shorter than declared.
pub(super) struct AsMeasured(pub Box<dyn Checker>);

impl Checker for AsMeasured {
    fn check(&self, history: &History) -> Judgement {
        let judged = self.0.check(history);
        let model = ModelTime::of(history);
        if !model.is_scaled() {
            return judged;
        }
        let note = format!("as measured, though declared waits passed {} times faster", model.faster());
        Judgement { reason: joined(judged.reason, Some(note)), ..judged }
    }
}

#[cfg(test)]
mod tests {
    use crate::history::synthetic::Script;
    use crate::plan::expectation::{Expectation, Phase};
    use crate::units::{Bound, Percent};
    use crate::verdict::Verdict;

    #[test]
    fn a_share_of_requests_is_judged_as_measured_and_says_so() {
        let availability = Expectation::Availability { phase: Phase::Throughout, bound: Bound::AtLeast(Percent(99.0)) };
        let mut script = Script::website(2, 1);
        let real = crate::checker::of(&availability).check(&script.history());
        script.settings.time.faster = 20;
        let faster = crate::checker::of(&availability).check(&script.history());
        assert_eq!((real.verdict, faster.verdict), (Verdict::Pass, Verdict::Pass));
        assert_eq!(real.value, faster.value);
        let said = faster.reason.unwrap();
        assert!(said.ends_with("as measured, though declared waits passed 20 times faster"), "{said}");
        assert!(!real.reason.unwrap_or_default().contains("faster"));
    }
}
