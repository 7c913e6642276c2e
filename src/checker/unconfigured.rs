//! `no node is configured while node {string} is down`: by the instances that were seen to end and to boot, and by when servers
//! were ready.
//!
//! A server is down from the moment at which its instance surely was gone until it is ready again. Something must have booted
//! meanwhile, or nothing could have been configured.

use crate::history::{Event, History, Record};
use crate::instance::PowerState;
use crate::measure::moments::watched;
use crate::measure::sight::{INSTANCES, unseen};
use crate::measure::{Moments, Span};

use super::judgement::show_us;
use super::{Checker, Judgement};
use crate::verdict::Verdict;

pub(super) struct NoneConfiguredWithout {
    pub server: String,
}

impl Checker for NoneConfiguredWithout {
    fn check(&self, history: &History) -> Judgement {
        let (expected, unit) = ("0".to_string(), "servers");
        let moments = Moments::of(history);
        let down = self.down(watched(history), moments.end_us);
        if down.is_empty() {
            let why = format!("{} was not seen to end", self.server);
            return Judgement::invalid(expected, unit, 0, why);
        }
        for span in &down {
            if let Some(why) = unseen(history, &moments, *span, |observer, _| observer == INSTANCES) {
                return Judgement::invalid(expected, unit, 0, why);
            }
        }
        let of_others = |event: fn(&Event) -> Option<&str>| {
            let those = watched(history).iter().filter(|record| down.iter().any(|span| span.contains(record.at_us)));
            those.filter_map(move |record| event(&record.event)).filter(|name| *name != self.server).collect::<Vec<_>>()
        };
        let booted = of_others(booted);
        if booted.is_empty() {
            let why = format!("no server was booted while {} was down, so none was to be configured", self.server);
            return Judgement::invalid(expected, unit, 0, why);
        }
        let configured = of_others(ready);
        let lasted = show_us(down.iter().map(|span| span.length_us()).sum());
        let reason = match configured.as_slice() {
            [] => format!("{} was down for {lasted}; booted meanwhile: {}", self.server, booted.join(", ")),
            some => format!("configured while {} was down: {}", self.server, some.join(", ")),
        };
        Judgement {
            observed: configured.len().to_string(),
            value: Some(configured.len() as f64),
            n: Some(booted.len() as u64),
            reason: Some(reason),
            ..Judgement::blank(Verdict::of(configured.is_empty()), expected, unit)
        }
    }
}

impl NoneConfiguredWithout {
    /// When it was down; to the end, where it was not ready again.
    fn down(&self, events: &[Record], end_us: u64) -> Vec<Span> {
        let (mut spans, mut since) = (Vec::new(), None);
        for record in events {
            match &record.event {
                Event::InstanceState { server, state, .. } if *server == self.server => {
                    let is_gone = matches!(state, PowerState::Stopped | PowerState::Terminated);
                    since = since.or(is_gone.then_some(record.at_us));
                }
                event if ready(event) == Some(&self.server) => {
                    spans.extend(since.take().map(|from_us| Span::new(from_us, record.at_us)));
                }
                _ => {}
            }
        }
        spans.extend(since.map(|from_us| Span::new(from_us, end_us)));
        spans
    }
}

fn booted(event: &Event) -> Option<&str> {
    match event {
        Event::InstanceBooted { server, .. } => Some(server),
        _ => None,
    }
}

fn ready(event: &Event) -> Option<&str> {
    match event {
        Event::ServerReady { server, .. } | Event::ReconcilerReplaced { server, .. } => Some(server),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;

    fn judged(script: &Script) -> Judgement {
        let server = "web-2".to_string();
        crate::checker::of(&Expectation::NoneConfiguredWithout { server }).check(&script.history())
    }

    /// `web-2` stands for the Puppet server: it ends at 6 s and is ready again at 20 s.
    fn without() -> Script {
        Script::website(4, 2).dies(6000, "web-2").dies(7000, "web-1")
    }

    #[test]
    fn what_waits_until_the_server_is_back_passes() {
        let judgement = judged(&without().replaced(6500, 7000, 20_000, "web-2").replaced(8000, 9000, 25_000, "web-1"));
        assert_eq!((judgement.verdict, judgement.n), (Verdict::Pass, Some(1)), "{judgement:?}");
    }

    #[test]
    fn what_is_ready_before_it_is_back_fails() {
        let judgement = judged(&without().replaced(6500, 7000, 20_000, "web-2").replaced(8000, 9000, 15_000, "web-1"));
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Fail, "1"), "{judgement:?}");
        assert_eq!(judgement.reason.as_deref(), Some("configured while web-2 was down: web-1"));
    }

    #[test]
    fn a_server_that_never_comes_back_is_down_to_the_end() {
        let judgement = judged(&without().replaced(8000, 9000, 15_000, "web-1"));
        assert_eq!(judgement.verdict, Verdict::Fail, "{judgement:?}");
    }

    #[test]
    fn where_it_was_not_down_or_nothing_booted_it_cannot_be_told() {
        let up = Script::website(4, 2).dies(7000, "web-1").replaced(8000, 9000, 15_000, "web-1");
        assert_eq!(judged(&up).verdict, Verdict::Invalid);
        let alone = Script::website(4, 2).dies(6000, "web-2").replaced(6500, 7000, 20_000, "web-2");
        assert_eq!(judged(&alone).verdict, Verdict::Invalid);
    }
}
