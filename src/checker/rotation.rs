//! `{int} {role} are in rotation`: by every balancer that lives, at the end of the watch.

use crate::history::History;
use crate::measure::fleet::Fleet;
use crate::measure::moments::watched;
use crate::measure::sight::{BALANCER, unseen};
use crate::measure::{Moments, Span};

use super::{Checker, Judgement};
use crate::verdict::Verdict;

pub(super) struct InRotation {
    pub count: usize,
    pub role: String,
}

impl Checker for InRotation {
    fn check(&self, history: &History) -> Judgement {
        let expected = self.count.to_string();
        let infrastructure = &history.plan.infrastructure;
        let moments = Moments::of(history);
        let last = Span::new(moments.end_us.saturating_sub(1), moments.end_us);
        if let Some(why) = unseen(history, &moments, last, |observer, _| observer == BALANCER) {
            return Judgement::invalid(expected, "servers", 0, why);
        }
        let mut fleet = Fleet::new(infrastructure);
        watched(history).iter().for_each(|record| fleet.apply(record));
        let servers = infrastructure.servers_called(&self.role);
        let seen: Vec<(&str, bool)> = (servers.iter())
            .filter_map(|server| Some((server.name.as_str(), fleet.in_rotation(&server.name)?)))
            .collect();
        if seen.is_empty() {
            let why = format!("no running balancer reported anything about a {}", self.role);
            return Judgement::invalid(expected, "servers", 0, why);
        }
        let named = |wanted: bool| -> Vec<&str> {
            seen.iter().filter(|(_, up)| *up == wanted).map(|(name, _)| *name).collect()
        };
        let (within, without) = (named(true), named(false));
        let balancers: Vec<&str> = fleet.living_balancers().into_iter().collect();
        let missing = if without.is_empty() { String::new() } else { format!("; not: {}", without.join(", ")) };
        Judgement {
            observed: within.len().to_string(),
            value: Some(within.len() as f64),
            n: Some(seen.len() as u64),
            reason: Some(format!("in rotation by {}: {}{missing}", balancers.join(" and "), within.join(", "))),
            ..Judgement::blank(Verdict::of(within.len() == self.count), expected, "servers")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    use crate::instance::PowerState;

    fn judged(script: &Script, count: usize) -> Judgement {
        crate::checker::of(&Expectation::InRotation { count, role: "webserver".into() }).check(&script.history())
    }

    #[test]
    fn those_count_that_every_living_balancer_has() {
        let script = Script::website(4, 2).view(8000, "lb-1", "web-2", "DOWN");
        let judgement = judged(&script, 3);
        assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Pass, "3", Some(4)));
        let note = "in rotation by lb-1 and lb-2: web-1, web-3, web-4; not: web-2";
        assert_eq!(judgement.reason.as_deref(), Some(note));
        assert_eq!(judged(&script, 4).verdict, Verdict::Fail);
        assert_eq!(judged(&script, 2).verdict, Verdict::Fail);
    }

    #[test]
    fn a_backup_that_stands_by_does_not_count_and_one_that_took_over_does() {
        let script = Script::website(2, 2).view(400, "lb-1", "web-2", "standby").view(400, "lb-2", "web-2", "standby");
        assert_eq!(judged(&script, 1).verdict, Verdict::Pass);
        assert_eq!(judged(&script, 2).verdict, Verdict::Fail);
        let took_over = ["lb-1", "lb-2"]
            .iter()
            .fold(script, |script, by| script.view(8000, by, "web-1", "DOWN").view(8000, by, "web-2", "UP"));
        let judgement = judged(&took_over, 1);
        assert_eq!(judgement.reason.as_deref(), Some("in rotation by lb-1 and lb-2: web-2; not: web-1"));
    }

    #[test]
    fn the_end_of_the_watch_counts() {
        let back = Script::website(4, 1).view(8000, "lb-1", "web-2", "DOWN").view(9000, "lb-1", "web-2", "UP");
        assert_eq!(judged(&back, 4).verdict, Verdict::Pass);
        assert_eq!(judged(&back.view(21_000, "lb-1", "web-2", "DOWN"), 4).verdict, Verdict::Pass);
    }

    #[test]
    fn a_dead_balancers_view_does_not_count() {
        let script = Script::website(4, 2).view(5000, "lb-1", "web-2", "DOWN").dies(6000, "lb-1");
        assert_eq!(judged(&script, 4).verdict, Verdict::Pass);
        let none_left = script.state(7000, "lb-2", 1, PowerState::Frozen);
        assert_eq!(judged(&none_left, 0).verdict, Verdict::Invalid);
    }

    #[test]
    fn without_a_balancer_it_is_unobserved() {
        let judgement = judged(&Script::website(4, 0), 4);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Invalid, "unobserved"));
    }
}
