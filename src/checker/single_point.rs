//! `no {role} is a single point of failure`: whichever of them was gone, its users had service before it was back.
//!
//! A server is one if, from when it was struck alone until it was back (healed, replaced, ready again), there was not
//! one whole steady window: service waited for its return. It is none if there was such a window, or if no request
//! due in that time was bad. Each server of the role must have been struck alone. Where the site's graph had predicted
//! otherwise, the reason says so.

use std::collections::BTreeMap;

use crate::graph::predicts_single_point_of_failure;
use crate::history::{Event, History};
use crate::infrastructure::Infrastructure;
use crate::measure::moments::{Moments, StrikeTimes, watched};
use crate::measure::steady::Steadiness;
use crate::measure::{Sample, Span};

use super::judgement::show_us;
use super::{Checker, Judgement};
use crate::verdict::Verdict;

pub(super) struct NoSinglePointOfFailure {
    pub role: String,
}

/// What a server's absence showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Absence {
    /// Users had service without it.
    Borne,
    /// They had none until it was back.
    Fatal(String),
    /// It could not be told.
    Unclear(String),
}

impl Checker for NoSinglePointOfFailure {
    fn check(&self, history: &History) -> Judgement {
        let moments = Moments::of(history);
        let servers = history.plan.infrastructure.in_place_called(&self.role);
        let found: BTreeMap<&str, Absence> =
            servers.iter().map(|server| (server.name.as_str(), absence(history, &moments, &server.name))).collect();
        let fatal: Vec<&str> =
            found.iter().filter(|(_, absence)| matches!(absence, Absence::Fatal(_))).map(|(name, _)| *name).collect();
        let unclear = found.values().any(|absence| matches!(absence, Absence::Unclear(_)));
        let mut whys: Vec<String> = found.values().filter_map(Absence::why).map(String::from).collect();
        if fatal.is_empty() && (unclear || found.is_empty()) {
            return Judgement::invalid("none".into(), "servers", found.len() as u64, whys.join("; "));
        }
        whys.extend(surprises(&history.plan.infrastructure, &self.role, &found));
        Judgement {
            observed: if fatal.is_empty() { "none".into() } else { fatal.join(", ") },
            value: Some(fatal.len() as f64),
            n: Some(found.len() as u64),
            reason: (!whys.is_empty()).then(|| whys.join("; ")),
            ..Judgement::blank(Verdict::of(fatal.is_empty()), "none".into(), "servers")
        }
    }
}

impl Absence {
    fn why(&self) -> Option<&str> {
        match self {
            Absence::Borne => None,
            Absence::Fatal(why) | Absence::Unclear(why) => Some(why),
        }
    }
}

/// Where the graph had predicted otherwise.
fn surprises(infrastructure: &Infrastructure, role: &str, found: &BTreeMap<&str, Absence>) -> Vec<String> {
    let predicted = predicts_single_point_of_failure(infrastructure, role);
    let surprise = |(server, absence): (&&str, &Absence)| match (predicted.get(*server)?, absence) {
        (Some(why), Absence::Borne) => Some(format!("the graph had predicted it of {server} ({why}), wrongly")),
        (None, Absence::Fatal(_)) => Some(format!("the graph had not predicted it of {server}")),
        _ => None,
    };
    found.iter().filter_map(surprise).collect()
}

/// The worst that a server's strikes showed.
fn absence(history: &History, moments: &Moments, server: &str) -> Absence {
    let alone = moments.strikes.iter().enumerate().filter(|(_, times)| times.targets == [server]);
    let mut shown: Vec<Absence> =
        alone.filter_map(|(index, times)| Some(of_strike(history, moments, index, times.witnessed_us()?))).collect();
    shown.sort_by_key(|absence| match absence {
        Absence::Fatal(_) => 0,
        Absence::Borne => 1,
        Absence::Unclear(_) => 2,
    });
    let never = || Absence::Unclear(format!("{server} was never struck alone"));
    shown.into_iter().next().unwrap_or_else(never)
}

/// What showed from the moment on at which it surely was gone.
fn of_strike(history: &History, moments: &Moments, index: usize, gone_us: u64) -> Absence {
    let times = &moments.strikes[index];
    let server = &times.targets[0];
    let next_us = moments.strikes.get(index + 1).and_then(|next| next.injected_us).unwrap_or(u64::MAX);
    let gone = Span::new(gone_us, back_us(history, times).min(next_us).min(moments.end_us));
    let sample = Sample::of(history).within(gone);
    let steadiness = Steadiness::of(history, moments).of_service();
    let (due, good) = (sample.due(), sample.good());
    if (due > 0 && good == due) || steadiness.first_window(&sample, gone).is_ok() {
        return Absence::Borne;
    }
    let (length, window) = (show_us(gone.length_us()), show_us(steadiness.window_us));
    if gone.length_us() < steadiness.window_us {
        return Absence::Unclear(format!("{server} was gone for only {length}, less than a window of {window}"));
    }
    let earlier = moments.strikes[..index].iter().filter(|before| before.targets != times.targets);
    if let Some(other) = earlier.into_iter().find(|before| back_us(history, before) > gone_us) {
        let others = other.targets.join(" and ");
        return Absence::Unclear(format!("service was out while {server} was gone, but so was {others}"));
    }
    Absence::Fatal(format!("while {server} was gone, {length}, only {good} of {due} requests were good"))
}

/// When a strike's last victim was there again; the end of time if it never was.
fn back_us(history: &History, times: &StrikeTimes) -> u64 {
    let since = times.injected_us.unwrap_or(0);
    let ready = |victim: &String| {
        let mut records = watched(history).iter().filter(|record| record.at_us >= since);
        let back = records.find(|record| match &record.event {
            Event::ServerReady { server, .. } | Event::ReconcilerReplaced { server, .. } => server == victim,
            _ => false,
        });
        back.map_or(u64::MAX, |record| record.at_us)
    };
    let replaced = times.targets.iter().map(ready).max().unwrap_or(u64::MAX);
    replaced.min(times.healed_us.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;

    fn judged(script: &Script, role: &str) -> Judgement {
        crate::checker::of(&Expectation::NoSinglePointOfFailure { role: role.into() }).check(&script.history())
    }

    /// Each of two balancers dies and is replaced 4 s later; service is out for 200 ms of each.
    fn redundant() -> Script {
        let first = Script::website(4, 2).until(40_000).dies(6000, "lb-1").replaced(6500, 7000, 10_000, "lb-1");
        let both = first.dies(20_000, "lb-2").replaced(20_500, 21_000, 24_000, "lb-2");
        both.bad(6010.0, 6210.0, Outcome::Refused).bad(20_010.0, 20_210.0, Outcome::Refused)
    }

    /// The only balancer dies; nobody is served until it was replaced.
    fn lone() -> Script {
        let script = Script::website(4, 1).until(30_000).dies(6000, "lb-1").replaced(6500, 7000, 10_000, "lb-1");
        script.bad(6010.0, 10_050.0, Outcome::Timeout)
    }

    #[test]
    fn none_is_if_service_was_back_before_each_of_them() {
        let judgement = judged(&redundant(), "load balancer");
        assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Pass, "none", Some(2)));
        assert_eq!(judgement.reason, None);
    }

    #[test]
    fn one_is_if_service_waited_for_it() {
        let judgement = judged(&lone(), "load balancer");
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Fail, "lb-1"));
        let why = judgement.reason.expect("a reason");
        assert_eq!(why, "while lb-1 was gone, 3.99 s, only 0 of 1995 requests were good");
    }

    #[test]
    fn what_the_graph_had_predicted_otherwise_is_said() {
        let fatal = Script::website(2, 1).until(30_000).dies(6000, "web-1").replaced(6500, 7000, 10_000, "web-1");
        let judgement = judged(&fatal.bad(6010.0, 10_050.0, Outcome::Timeout).dies(15_000, "web-2"), "webserver");
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert!(judgement.reason.expect("a reason").ends_with("; the graph had not predicted it of web-1"));
        let borne = Script::website(4, 1).until(30_000).dies(6000, "lb-1").replaced(6500, 7000, 10_000, "lb-1");
        let judgement = judged(&borne, "load balancer");
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert!(judgement.reason.expect("a note").starts_with("the graph had predicted it of lb-1"));
    }

    #[test]
    fn one_is_also_if_only_some_requests_were_good() {
        let some = lone().slow(7000.0, 7500.0, 5.0).slow(8500.0, 9000.0, 5.0);
        assert_eq!(judged(&some, "load balancer").verdict, Verdict::Fail);
        assert_eq!(judged(&lone().slow(7000.0, 8001.0, 5.0), "load balancer").verdict, Verdict::Pass, "a whole window");
    }

    #[test]
    fn it_cannot_be_told_unless_each_was_struck_alone() {
        let half = Script::website(4, 2).dies(6000, "lb-1").replaced(6500, 7000, 10_000, "lb-1");
        let judgement = judged(&half, "load balancer");
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert_eq!(judgement.reason.as_deref(), Some("lb-2 was never struck alone"));
        let together = Script::website(4, 2).strike(6000, "dies", &["lb-1", "lb-2"]);
        assert_eq!(judged(&together, "load balancer").verdict, Verdict::Invalid);
        assert_eq!(judged(&redundant(), "database").verdict, Verdict::Invalid);
    }

    #[test]
    fn it_cannot_be_told_of_an_absence_shorter_than_a_window() {
        let short = Script::website(4, 1).dies(6000, "lb-1").replaced(6100, 6200, 6900, "lb-1");
        let judgement = judged(&short.clone().bad(6010.0, 6900.0, Outcome::Refused), "load balancer");
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert!(judgement.reason.expect("a reason").contains("less than a window of 1 s"));
        assert_eq!(judged(&short, "load balancer").verdict, Verdict::Pass, "nobody missed it");
    }

    #[test]
    fn it_cannot_be_told_while_another_was_gone_too() {
        let overlapping = Script::website(4, 2).until(30_000).dies(6000, "lb-1").dies(9000, "lb-2");
        let overlapping = overlapping.replaced(9500, 10_000, 15_000, "lb-2").bad(9010.0, 15_000.0, Outcome::Timeout);
        let judgement = judged(&overlapping, "load balancer");
        assert_eq!(judgement.verdict, Verdict::Invalid);
        assert!(judgement.reason.expect("a reason").contains("but so was lb-1"));
    }

    #[test]
    fn a_server_that_never_came_back_is_judged_until_the_watch_ended() {
        let gone = Script::website(4, 1).dies(6000, "lb-1").bad(6010.0, 20_000.0, Outcome::Timeout);
        assert_eq!(judged(&gone, "load balancer").verdict, Verdict::Fail);
        let web = Script::website(1, 1).dies(6000, "web-1");
        assert_eq!(judged(&web, "webserver").verdict, Verdict::Pass);
    }
}
