//! What observers could not see. Blind is not a fact: what rests on an observer that was blind can't be told.
//!
//! An observer that is blind to a server which was struck, and is not healed yet, is blind because of the fault: what
//! it watches is gone or cut off, as was wanted. So is one whose server's instance does not run. One that looks at several
//! servers needs that explanation for each of those that it could not look at. Everything else is unexplained.
//!
//! A blind moment of up to 250 ms is no more than a few looks that an observer missed, as on a machine that is busy: it makes
//! no Then invalid. What had changed by its end is on record, and known to within the whole moment: the resolution of that
//! record reaches back to the last look that saw. What began and ended within it was not seen, as nothing is that begins and ends
//! between two looks.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, History};
use crate::instance::PowerState;
use crate::units::show_duration;

use super::moments::{Moments, server_of, watched};
use super::span::Span;

/// A blind moment that is no longer than this is not counted, in microseconds.
pub const MISSED_US: u64 = 250_000;

/// The observer of a balancer's own view.
pub const BALANCER: &str = "haproxy";
/// The observer of a database's own view.
pub const DATABASE: &str = "database";
/// The observer of who holds a virtual IP.
pub const VIRTUAL_IP: &str = "virtual ip";
/// The observer of the states of all instances.
pub const INSTANCES: &str = "instances";

/// Those that look at the site itself.
pub const OF_THE_SITE: [&str; 4] = [BALANCER, DATABASE, VIRTUAL_IP, INSTANCES];

/// A stretch in which an observer could not see what it watches, unexplained by what was done to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blind<'a> {
    /// Which observer.
    pub observer: &'a str,
    /// What it watches.
    pub of: &'a str,
    /// From when until when; until the watch's end, if it did not see again.
    pub span: Span,
    /// Why.
    pub detail: &'a str,
}

impl Blind<'_> {
    /// Why nothing can be told from it, in words.
    pub fn why(&self) -> String {
        let lasted = show_duration(std::time::Duration::from_micros(self.span.length_us()));
        format!("the observer “{}” could not see {} for {lasted}: {}", self.observer, self.of, self.detail)
    }
}

/// Every unexplained stretch of blindness that counts, in the order of their ends.
pub fn blind<'a>(history: &'a History, moments: &Moments) -> Vec<Blind<'a>> {
    let mut open: BTreeMap<(&str, &str), Lost<'_>> = BTreeMap::new();
    let mut power = Power::default();
    let mut found = Vec::new();
    for record in watched(history) {
        power.apply(record.at_us, &record.event);
        match &record.event {
            Event::ObserverBlind { observer, of, detail, servers } => {
                let since_us = record.at_us.saturating_sub(record.resolution_us);
                let lost = open.entry((observer, of)).or_insert(Lost { since_us, detail, servers: BTreeSet::new() });
                match servers.is_empty() {
                    true => drop(lost.servers.insert(of)),
                    false => lost.servers.extend(servers.iter().map(String::as_str)),
                }
            }
            Event::ObserverSees { observer, of } => {
                let closed = open.remove(&(observer.as_str(), of.as_str()));
                found.extend(closed.map(|lost| (observer.as_str(), of.as_str(), lost, record.at_us)));
            }
            _ => {}
        }
    }
    found.extend(open.into_iter().map(|((observer, of), lost)| (observer, of, lost, moments.end_us)));
    let mut blind: Vec<Blind<'_>> = Vec::new();
    for (observer, of, Lost { since_us, detail, servers }, to_us) in found {
        let since_us = since_us.max(moments.zero_us.unwrap_or(0));
        let unexplained = |server| unexplained(Span::new(since_us, to_us), server, moments, &power);
        let counts = servers.into_iter().flat_map(unexplained).filter(|span| span.length_us() > MISSED_US);
        blind.extend(counts.map(|span| Blind { observer, of, span, detail }));
    }
    blind
}

/// What an observer has lost sight of.
struct Lost<'a> {
    since_us: u64,
    detail: &'a str,
    /// What it could not look at: what it watches, or servers on which that is.
    servers: BTreeSet<&'a str>,
}

/// The first unexplained stretch of blindness within a span, of these observers and of what is asked for, in words.
pub fn unseen(history: &History, moments: &Moments, span: Span, is_it: impl Fn(&str, &str) -> bool) -> Option<String> {
    let blind = blind(history, moments);
    let found = blind.iter().find(|blind| is_it(blind.observer, blind.of) && !blind.span.meet(span).is_empty());
    found.map(Blind::why)
}

/// The parts of a span in which neither a strike that lasts nor a missing instance explains it.
fn unexplained(span: Span, of: &str, moments: &Moments, power: &Power<'_>) -> Vec<Span> {
    let struck = moments.strikes.iter().filter(|strike| strike.targets.iter().any(|target| target == of));
    let struck = struck.filter_map(|strike| {
        Some(Span::new(strike.injected_us?, strike.ended.get(of).map_or(moments.end_us, |end| end.by_us)))
    });
    let mut rest = vec![span];
    for explained in struck.chain(power.down(of, moments.end_us)) {
        rest = rest.into_iter().flat_map(|span| without(span, explained)).filter(|span| !span.is_empty()).collect();
    }
    rest
}

fn without(span: Span, hole: Span) -> [Span; 2] {
    match span.meet(hole).is_empty() {
        true => [span, Span::new(0, 0)],
        false => {
            [Span::new(span.from_us, hole.from_us.max(span.from_us)), Span::new(hole.to_us.min(span.to_us), span.to_us)]
        }
    }
}

/// When each server's own instance ran.
#[derive(Default)]
struct Power<'a> {
    instances: BTreeMap<&'a str, &'a str>,
    /// Whether it runs, from each change on.
    changes: BTreeMap<&'a str, Vec<(u64, bool)>>,
}

impl<'a> Power<'a> {
    fn apply(&mut self, at_us: u64, event: &'a Event) {
        let (server, instance, runs) = match event {
            Event::InstanceBooted { server, instance, .. } | Event::InstanceFound { server, instance, .. } => {
                (server, instance, true)
            }
            Event::InstanceState { server, instance, state, .. } => (server, instance, *state == PowerState::Running),
            _ => return,
        };
        let own = self.instances.entry(server).or_insert(instance);
        if matches!(event, Event::InstanceBooted { .. }) {
            *own = instance;
        }
        if *own == instance.as_str() {
            self.changes.entry(server).or_default().push((at_us, runs));
        }
    }

    /// The stretches in which it did not run.
    fn down(&self, server: &str, end_us: u64) -> impl Iterator<Item = Span> {
        let changes = self.changes.get(server_of(server)).map_or(&[][..], Vec::as_slice);
        let next = changes.iter().skip(1).map(|(at_us, _)| *at_us).chain([end_us]);
        changes.iter().zip(next).filter(|((_, runs), _)| !runs).map(|((from_us, _), to_us)| Span::new(*from_us, to_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Schedule;

    fn spans(script: &Script) -> Vec<(u64, u64)> {
        let history = script.history();
        let blind = blind(&history, &Moments::of(&history));
        blind.iter().map(|blind| (blind.span.from_us / 1000, blind.span.to_us / 1000)).collect()
    }

    #[test]
    fn what_an_observer_could_not_see_lasts_until_it_sees_again_or_the_watch_ends() {
        let script = Script::website(2, 2).blind(7000, BALANCER, "lb-1");
        assert_eq!(spans(&script), [(7000, 20_000)]);
        assert_eq!(spans(&script.sees_again(9000, BALANCER, "lb-1")), [(7000, 9000)]);
    }

    #[test]
    fn a_missed_look_does_not_count() {
        assert_eq!(spans(&Script::website(2, 2).blind(7000, BALANCER, "lb-1").sees_again(7250, BALANCER, "lb-1")), []);
        assert_eq!(
            spans(&Script::website(2, 2).blind(7000, BALANCER, "lb-1").sees_again(7251, BALANCER, "lb-1")),
            [(7000, 7251)]
        );
    }

    #[test]
    fn only_what_lies_after_zero_counts() {
        let until = |ms| Script::website(2, 2).blind(600, BALANCER, "lb-1").sees_again(ms, BALANCER, "lb-1");
        assert_eq!(spans(&until(1010)), [], "the observers see, a few looks late");
        assert_eq!(spans(&until(1260)), [(1000, 1260)]);
    }

    #[test]
    fn a_fault_explains_that_its_victim_cannot_be_seen_until_it_is_healed() {
        let for_a_while = Schedule::For(std::time::Duration::from_secs(2));
        let struck = Script::website(2, 2).strike_unconfirmed(6000, "loses network", &["lb-1"], for_a_while);
        let struck = struck.confirm(6010, 0, &["lb-1"]).blind(6100, BALANCER, "lb-1");
        assert_eq!(spans(&struck), []);
        let healed =
            struck.event(8000, Event::StrikeHealed { strike: 0, target: "lb-1".into(), evidence: String::new() });
        assert_eq!(spans(&healed), [(8000, 20_000)]);
        assert_eq!(spans(&healed.sees_again(8100, BALANCER, "lb-1")), []);
    }

    #[test]
    fn an_instance_that_does_not_run_explains_it_too() {
        let gone = Script::website(2, 2).state(7000, "lb-1", 1, PowerState::Terminated).blind(7010, BALANCER, "lb-1");
        assert_eq!(spans(&gone), []);
        assert_eq!(spans(&gone.replaced(8000, 9000, 9500, "lb-1")), [(9000, 20_000)]);
    }

    #[test]
    fn a_fault_on_one_server_does_not_explain_that_another_cannot_be_looked_at() {
        let blind_to = |servers: &[&str]| {
            let servers = servers.iter().map(|server| server.to_string()).collect();
            let detail = "no answer".into();
            let event = Event::ObserverBlind { observer: VIRTUAL_IP.into(), of: "www".into(), detail, servers };
            let for_a_while = Schedule::For(std::time::Duration::from_secs(2));
            let struck = Script::website(2, 2).strike_unconfirmed(6000, "loses network", &["lb-1"], for_a_while);
            spans(&struck.confirm(6010, 0, &["lb-1"]).event(6100, event).sees_again(7000, VIRTUAL_IP, "www"))
        };
        assert_eq!(blind_to(&["lb-1"]), []);
        assert_eq!(blind_to(&["lb-1", "lb-2"]), [(6100, 7000)]);
        assert_eq!(blind_to(&[]), [(6100, 7000)]);
    }

    #[test]
    fn the_reason_names_observer_object_and_cause() {
        let history =
            Script::website(2, 2).blind(7000, VIRTUAL_IP, "www").sees_again(9000, VIRTUAL_IP, "www").history();
        let moments = Moments::of(&history);
        let told = |span| unseen(&history, &moments, span, |observer, of| (observer, of) == (VIRTUAL_IP, "www"));
        assert_eq!(
            told(Span::new(8000, 10_000_000)).as_deref(),
            Some("the observer “virtual ip” could not see www for 2 s: no answer")
        );
        assert_eq!(told(Span::new(9_000_000, 10_000_000)), None);
    }
}
