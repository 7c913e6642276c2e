//! `exactly one {role} holds the virtual IP {phase}`, as finely as its holders were observed.
//!
//! Two holders at once are never fine. Nobody is fine for a while after one of the servers that share it was struck,
//! as long as somebody takes it over before the site has recovered; how long that may take is for the interval
//! "failover" to say. Before the fault and after recovery nobody is never fine.

use crate::history::{Event, History};
use crate::infrastructure::VirtualIp;
use crate::measure::moments::watched;
use crate::measure::sight::{VIRTUAL_IP, blind};
use crate::measure::{Span, Timeline};

use super::held::{self, Holding};
use super::{Checker, Judgement};
use crate::plan::Phase;

pub(super) struct OneHolder {
    pub role: String,
    pub phase: Phase,
}

impl Checker for OneHolder {
    fn check(&self, history: &History) -> Judgement {
        let invalid = |why: String| Judgement::invalid("1".into(), "holders", 0, why);
        let timeline = Timeline::of(history);
        let phase = match held::stretch(&timeline, self.phase) {
            Ok(span) => span,
            Err(why) => return invalid(why),
        };
        let Some(address) = self.virtual_ip(history) else {
            return invalid(format!("no {} shares a virtual IP", self.role));
        };
        let held = held(history, &address.name, phase, timeline.moments.end_us);
        if held.first().is_none_or(|first| first.span.from_us > phase.from_us) {
            return invalid(format!("no observer saw which server held the virtual IP {}", address.name));
        }
        let excused = held::excused(&timeline, &address.holders);
        let mut blind = blind(history, &timeline.moments);
        blind.retain(|blind| (blind.observer, blind.of) == (VIRTUAL_IP, address.name.as_str()));
        held::judge(&held, phase, &excused, &blind, "holders")
    }
}

impl OneHolder {
    /// The virtual IP that servers of this role share.
    fn virtual_ip<'a>(&self, history: &'a History) -> Option<&'a VirtualIp> {
        let infrastructure = &history.plan.infrastructure;
        let called = infrastructure.servers_called(&self.role);
        let shares = |holders: &[String]| holders.iter().all(|holder| called.iter().any(|s| s.name == *holder));
        infrastructure.virtual_ips.iter().find(|address| shares(&address.holders))
    }
}

/// Who held it, over every stretch that meets the phase.
fn held(history: &History, virtual_ip: &str, phase: Span, end_us: u64) -> Vec<Holding> {
    let changes = watched(history).iter().filter_map(|record| match &record.event {
        Event::VirtualIpHolders { name, holders } if name == virtual_ip => Some((record.at_us, holders.clone())),
        _ => None,
    });
    held::over(changes, phase, end_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    fn judged(script: &Script, phase: Phase) -> Judgement {
        crate::checker::of(&Expectation::OneHolder { role: "load balancer".into(), phase }).check(&script.history())
    }

    fn taken_over() -> Script {
        let script = Script::website(2, 2).dies(6000, "lb-1").holders(6020, &[]).holders(6090, &["lb-2"]);
        script.bad(6002.0, 6094.0, crate::history::Outcome::Timeout).replaced(6500, 7000, 8000, "lb-1")
    }

    #[test]
    fn one_holder_is_right_and_nobody_for_a_while_is_excused() {
        for phase in [Phase::Before, Phase::Failover, Phase::Degraded, Phase::After, Phase::Throughout] {
            assert_eq!(judged(&taken_over(), phase).verdict, Verdict::Pass, "{phase:?}");
        }
        let after = judged(&taken_over(), Phase::After);
        assert_eq!((after.observed.as_str(), after.value), ("1 (lb-2)", Some(1.0)));
    }

    #[test]
    fn two_at_once_are_never_right() {
        let split = taken_over().holders(6040, &["lb-1", "lb-2"]).holders(6080, &[]);
        let judgement = judged(&split, Phase::Failover);
        assert_eq!((judgement.verdict, judgement.value), (Verdict::Fail, Some(2.0)));
        assert_eq!(judgement.observed, "2 at once (lb-1, lb-2) for 40 ms");
        assert_eq!(judged(&split, Phase::After).verdict, Verdict::Pass);
    }

    #[test]
    fn nobody_who_is_not_followed_by_somebody_is_wrong() {
        let lost = Script::website(2, 2).dies(6000, "lb-1").holders(6020, &[]);
        let judgement = judged(&lost, Phase::Degraded);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Fail, "no holder for 13.98 s"));
        assert_eq!(judgement.value, Some(0.0));
        assert_eq!(judged(&lost, Phase::Throughout).verdict, Verdict::Fail);
    }

    #[test]
    fn nobody_is_not_excused_before_the_fault_after_recovery_or_without_a_strike_on_the_tier() {
        let later = taken_over().holders(12_000, &[]).holders(12_100, &["lb-2"]);
        assert_eq!(judged(&later, Phase::After).verdict, Verdict::Fail);
        assert_eq!(judged(&later, Phase::Throughout).verdict, Verdict::Fail);
        let before = taken_over().holders(3000, &[]).holders(3100, &["lb-1"]);
        assert_eq!(judged(&before, Phase::Before).verdict, Verdict::Fail);
        let unrelated = Script::website(2, 2).dies(6000, "web-1").holders(6020, &[]).holders(6090, &["lb-2"]);
        assert_eq!(judged(&unrelated, Phase::Degraded).verdict, Verdict::Fail);
    }

    #[test]
    fn without_a_virtual_ip_an_observer_or_a_phase_it_cannot_be_told() {
        assert_eq!(judged(&Script::website(2, 1), Phase::Throughout).verdict, Verdict::Invalid);
        let mut history = taken_over().history();
        let checker = OneHolder { role: "load balancer".into(), phase: Phase::After };
        history.events.retain(|record| !matches!(record.event, Event::VirtualIpHolders { .. }));
        assert_eq!(checker.check(&history).verdict, Verdict::Invalid);
        let web = OneHolder { role: "webserver".into(), phase: Phase::After };
        assert_eq!(web.check(&taken_over().history()).verdict, Verdict::Invalid);
        let never_out = Script::website(2, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        let empty = judged(&never_out, Phase::Failover);
        assert_eq!(empty.verdict, Verdict::Invalid);
        assert_eq!(empty.reason.as_deref(), Some("nothing lies during failover: service was never out"));
    }

    #[test]
    fn holders_that_were_seen_only_later_tell_nothing_of_the_phases_begin() {
        let mut history = taken_over().history();
        let first = |event: &Event| matches!(event, Event::VirtualIpHolders { .. });
        let at = history.events.iter().position(|record| first(&record.event)).expect("they are told when it begins");
        history.events.remove(at);
        let checker = OneHolder { role: "load balancer".into(), phase: Phase::Throughout };
        assert_eq!(checker.check(&history).verdict, Verdict::Invalid);
    }
}
