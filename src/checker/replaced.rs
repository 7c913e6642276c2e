//! `at most {int} {role} are replaced`: by what the provider booted after the site was up, and not by what the
//! reconciler says of itself.

use crate::history::History;
use crate::measure::moments::watched;
use crate::units::Bound;

use super::compare::margin_pct;
use super::double_boot::lives;
use super::{Checker, Judgement};
use crate::verdict::Verdict;

pub(super) struct Replaced {
    pub role: String,
    pub bound: Bound<usize>,
}

impl Checker for Replaced {
    fn check(&self, history: &History) -> Judgement {
        let expected = self.bound.to_string();
        let settings = &history.plan.settings;
        if !settings.reconciler.enabled && settings.auto_scaling.replaces.is_empty() {
            return Judgement::invalid(expected, "replacements", 0, "the reconciler is off, so nothing is replaced");
        }
        let servers = history.plan.infrastructure.servers_called(&self.role);
        let mut lives = lives(watched(history));
        lives.retain(|name, _| servers.iter().any(|server| server.name == *name));
        if lives.is_empty() {
            return Judgement::invalid(expected, "replacements", 0, format!("no {} was seen to boot", self.role));
        }
        let replaced = || lives.iter().filter(|(_, lives)| lives.len() > 1);
        let count = replaced().map(|(_, lives)| lives.len() - 1).sum::<usize>();
        let names: Vec<&str> = replaced().map(|(name, _)| *name).collect();
        Judgement {
            observed: count.to_string(),
            value: Some(count as f64),
            margin_pct: margin_pct(&self.bound.map(|limit| limit as f64), count as f64),
            n: Some(lives.len() as u64),
            reason: (!names.is_empty()).then(|| format!("replaced: {}", names.join(", "))),
            ..Judgement::blank(Verdict::of(self.bound.holds(count)), expected, "replacements")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;

    fn judged(script: &Script, bound: Bound<usize>) -> Judgement {
        let role = "webserver".to_string();
        crate::checker::of(&Expectation::Replaced { role, bound }).check(&script.history())
    }

    fn one() -> Script {
        Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1")
    }

    #[test]
    fn what_was_booted_again_is_counted_by_role() {
        assert_eq!(judged(&one(), Bound::AtMost(1)).verdict, Verdict::Pass);
        let judgement = judged(&one(), Bound::AtLeast(2));
        assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Fail, "1", Some(4)));
        assert_eq!(judgement.reason.as_deref(), Some("replaced: web-1"));
        let of_balancers = Expectation::Replaced { role: "load balancer".into(), bound: Bound::AtMost(0) };
        assert_eq!(crate::checker::of(&of_balancers).check(&one().history()).observed, "0");
    }

    #[test]
    fn where_nobody_replaces_it_cannot_be_told() {
        let mut script = one();
        script.settings.reconciler.enabled = false;
        assert_eq!(judged(&script, Bound::AtMost(4)).verdict, Verdict::Invalid);
    }
}
