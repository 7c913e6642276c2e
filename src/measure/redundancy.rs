//! When everything that is declared was there.
//!
//! A struck server counts as missing from the moment injecting begins until something is recorded of it: seen down
//! (then it must be seen back), booted, ready or running again, its process running again, or healed. A process that was
//! killed and that nothing restarts leaves its instance running; redundancy is back only once the balancers have it in
//! rotation again. While the reconciler replaces a server, redundancy is not back either, whatever else is there: from
//! the moment it misses it until it reports it replaced.

use crate::history::History;

use super::fleet::Fleet;
use super::moments::{Moments, watched};
use super::span::Span;

/// A stretch with everything there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedundantSpan {
    /// From when until when.
    pub span: Span,
    /// How much earlier it may have begun than was recorded, in microseconds.
    pub within_us: u64,
}

/// The stretches with everything there, in order; the last one ends with the watch if it lasts.
pub fn redundant_spans(history: &History, moments: &Moments) -> Vec<RedundantSpan> {
    let events = watched(history);
    let mut fleet = Fleet::new(&history.plan.infrastructure);
    let mut spans = Vec::new();
    let mut since: Option<(u64, u64)> = None;
    // What may have been there all along while it could not be seen.
    let mut unseen_us = 0;
    let mut changed = true;
    for (k, record) in events.iter().enumerate() {
        unseen_us = unseen_us.max(fleet.blind_since(record).map_or(0, |since_us| record.at_us - since_us));
        if fleet.is_news(record) {
            fleet.apply(record);
            changed = true;
        }
        if events.get(k + 1).is_some_and(|next| next.at_us == record.at_us) {
            continue;
        }
        if !std::mem::take(&mut changed) {
            unseen_us = 0;
            continue;
        }
        match (fleet.is_redundant(), since) {
            (true, None) => since = Some((record.at_us, record.resolution_us.max(unseen_us))),
            (false, Some((from, within_us))) => {
                spans.push(RedundantSpan { span: Span::new(from, record.at_us), within_us });
                since = None;
            }
            _ => {}
        }
        unseen_us = 0;
    }
    spans.extend(since.map(|(from, within_us)| RedundantSpan { span: Span::new(from, moments.end_us), within_us }));
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::history::{Event, Record};
    use crate::infrastructure::databases::Database;
    use crate::instance::PowerState;
    use crate::plan::{Agent, Schedule};

    fn spans(script: &Script) -> Vec<(u64, u64)> {
        let history = script.history();
        let whole = redundant_spans(&history, &Moments::of(&history));
        whole.iter().map(|whole| (whole.span.from_us / 1000, whole.span.to_us / 1000)).collect()
    }

    #[test]
    fn nothing_is_missing_from_the_moment_everything_is_ready_and_in_rotation() {
        assert_eq!(spans(&Script::website(4, 2)), [(300, 20_000)]);
        assert_eq!(spans(&Script::website(2, 1)), [(300, 20_000)]);
        assert_eq!(spans(&Script::website(2, 0)), [(300, 20_000)], "rotation is not asked where there is no balancer");
    }

    #[test]
    fn a_replacement_must_be_ready() {
        let script = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        assert_eq!(spans(&script), [(300, 6000), (8000, 20_000)]);
    }

    #[test]
    fn a_struck_server_is_missing_before_anybody_has_noticed() {
        let script = Script::website(4, 2).strike(6000, "dies", &["web-1"]);
        assert_eq!(spans(&script), [(300, 6000)]);
        let instance_of_old = script.state(6020, "web-1", 1, PowerState::Terminated);
        assert_eq!(spans(&instance_of_old), [(300, 6000)]);
    }

    #[test]
    fn a_replacement_must_be_in_rotation_at_every_balancer() {
        let script = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        let out = script.view(6100, "lb-1", "web-1", "DOWN").view(6200, "lb-2", "web-1", "DOWN");
        let one = out.view(9000, "lb-1", "web-1", "UP");
        assert_eq!(spans(&one), [(300, 6000)]);
        assert_eq!(spans(&one.view(9500, "lb-2", "web-1", "UP 1/3")), [(300, 6000), (9500, 20_000)]);
    }

    #[test]
    fn a_backup_that_stands_by_is_in_its_place() {
        let standing_by = Script::website(2, 1).view(400, "lb-1", "web-2", "standby");
        assert_eq!(spans(&standing_by), [(300, 20_000)]);
        let took_over = standing_by.dies(6000, "web-1").view(6100, "lb-1", "web-1", "DOWN");
        let took_over = took_over.view(6100, "lb-1", "web-2", "UP").replaced(6500, 7000, 8000, "web-1");
        let back = took_over.view(8100, "lb-1", "web-1", "UP").view(8100, "lb-1", "web-2", "standby");
        assert_eq!(spans(&back), [(300, 6000), (8100, 20_000)]);
        assert_eq!(spans(&back.view(9000, "lb-1", "web-2", "DOWN")), [(300, 6000), (8100, 9000)]);
    }

    #[test]
    fn a_killed_process_is_back_only_when_it_is_in_rotation_again() {
        let killed = Script::website(2, 1).strike(6000, "process", &["web-1"]);
        assert_eq!(spans(&killed), [(300, 6000)]);
        let down = killed.view(8000, "lb-1", "web-1", "DOWN");
        assert_eq!(spans(&down), [(300, 6000)]);
        assert_eq!(spans(&down.view(9000, "lb-1", "web-1", "UP")), [(300, 6000), (9000, 20_000)]);
    }

    #[test]
    fn a_frozen_instance_is_back_when_it_is_thawed() {
        let frozen =
            Script::website(2, 1).strike(6000, "hangs", &["web-1"]).state(6005, "web-1", 1, PowerState::Frozen);
        assert_eq!(spans(&frozen), [(300, 6000)]);
        assert_eq!(spans(&frozen.state(8000, "web-1", 1, PowerState::Running)), [(300, 6000), (8000, 20_000)]);
    }

    #[test]
    fn what_an_earlier_instance_does_no_longer_matters() {
        let script = Script::website(2, 1).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        assert_eq!(spans(&script.state(9000, "web-1", 1, PowerState::Terminated)), [(300, 6000), (8000, 20_000)]);
    }

    #[test]
    fn a_reboot_that_was_over_before_its_witness_spoke_is_over() {
        let script = Script::website(2, 1).strike_unconfirmed(6000, "reboots", &["web-1"], Schedule::Once);
        let script = script.state(6100, "web-1", 1, PowerState::Running).confirm(6200, 0, &["web-1"]);
        assert_eq!(spans(&script), [(300, 6000), (6100, 20_000)]);
    }

    #[test]
    fn healing_ends_the_doubt_about_a_struck_server() {
        let script = Script::website(2, 1).strike(6000, "loses network", &["web-1"]);
        let healed =
            script.event(8000, Event::StrikeHealed { strike: 0, target: "web-1".into(), evidence: "link up".into() });
        assert_eq!(spans(&healed), [(300, 6000), (8000, 20_000)]);
    }

    #[test]
    fn a_killed_process_is_back_when_it_runs_again_unless_a_balancer_missed_it() {
        let script = Script::website(2, 1).strike(6000, "process dies", &["web-1"]);
        let back = Event::ProcessBack { strike: 0, target: "web-1".into(), evidence: "1 process".into() };
        assert_eq!(spans(&script), [(300, 6000)]);
        let script = script.event(6500, back);
        assert_eq!(spans(&script), [(300, 6000), (6500, 20_000)]);
        let missed = script.view(6300, "lb-1", "web-1", "DOWN").view(8000, "lb-1", "web-1", "UP");
        assert_eq!(spans(&missed), [(300, 6000), (8000, 20_000)]);
    }

    #[test]
    fn a_virtual_ip_needs_exactly_one_holder() {
        let script = Script::website(2, 2).holders(7000, &[]).holders(8000, &["lb-2"]).holders(9000, &["lb-1", "lb-2"]);
        assert_eq!(spans(&script), [(300, 7000), (8000, 9000)]);
    }

    #[test]
    fn a_balancer_that_cannot_be_seen_is_missing() {
        let blind = |of: &str| Event::ObserverBlind {
            observer: "balancer".into(),
            of: of.into(),
            detail: String::new(),
            servers: vec![],
        };
        let script = Script::website(2, 2).event(7000, blind("lb-1"));
        assert_eq!(spans(&script), [(300, 7000)]);
        let sees = Event::ObserverSees { observer: "balancer".into(), of: "lb-1".into() };
        assert_eq!(spans(&script.clone().event(8000, sees)), [(300, 7000), (8000, 20_000)]);
        let tells = Event::BalancerSessions { balancer: "lb-1".into(), current: 1 };
        assert_eq!(spans(&script.clone().event(8000, tells)), [(300, 7000), (8000, 20_000)]);
        assert_eq!(spans(&script.view(8000, "lb-1", "web-1", "UP")), [(300, 7000), (8000, 20_000)]);
    }

    #[test]
    fn a_killed_balancer_process_is_back_when_it_is_seen_again() {
        let blind = Event::ObserverBlind {
            observer: "balancer".into(),
            of: "lb-1".into(),
            detail: String::new(),
            servers: vec![],
        };
        let sees = Event::ObserverSees { observer: "balancer".into(), of: "lb-1".into() };
        let script = Script::website(2, 2).strike(6000, "process", &["lb-1"]).event(6050, blind).event(8000, sees);
        assert_eq!(spans(&script), [(300, 6000), (8000, 20_000)]);
    }

    #[test]
    fn a_server_must_be_in_rotation_in_every_backend() {
        let other = |status: &str| Event::BalancerView {
            balancer: "lb-1".into(),
            backend: "api".into(),
            server: "web-1".into(),
            status: status.into(),
            check: "L7OK".into(),
            up: status == "UP",
            standby: false,
        };
        let script = Script::website(2, 1).event(7000, other("DOWN")).event(8000, other("UP"));
        assert_eq!(spans(&script), [(300, 7000), (8000, 20_000)]);
    }

    /// Three webservers, the last of them a spare that no balancer knows, and the death of web-1 at 6 s.
    fn with_a_spare() -> Script {
        Script { spares: vec!["web-3".into()], ..Script::website(3, 1) }.dies(6000, "web-1")
    }

    fn removed_ms(script: &Script) -> Option<u64> {
        let history = script.history();
        let timeline = crate::measure::Timeline::of(&history);
        let removed = crate::measure::milestones::interval_end(&history, &timeline, crate::plan::Interval::Removal);
        removed.and_then(|row| row.milestone.us()).map(|us| us / 1000)
    }

    #[test]
    fn a_repair_that_is_not_reported_done_is_under_way() {
        let ready = Event::ServerReady { server: "web-1".into(), instance: "web-1.2".into() };
        let script = Script::website(2, 1).dies(6000, "web-1").replaced(6500, 7000, 11_000, "web-1").event(8000, ready);
        assert_eq!(spans(&script), [(300, 6000), (11_000, 20_000)]);
        let stopped = script.event(9000, Event::AgentStopped { agent: Agent::Reconciler });
        assert_eq!(spans(&stopped), [(300, 6000), (9000, 20_000)], "it is under way no more");
        let again = stopped.event(9500, Event::AgentStarted { agent: Agent::Reconciler });
        assert_eq!(spans(&again), [(300, 6000), (9000, 9500), (11_000, 20_000)]);
    }

    #[test]
    fn what_came_back_while_it_could_not_be_seen_may_have_been_there_since() {
        let script = Script::website(2, 2).blind(7000, "haproxy", "lb-1").sees_again(9000, "haproxy", "lb-1");
        let history = script.history();
        let whole = redundant_spans(&history, &Moments::of(&history));
        assert_eq!((whole[1].span.from_us, whole[1].within_us), (9_000_000, 2_000_000));
    }

    #[test]
    fn a_virtual_ip_that_cannot_be_seen_is_missing() {
        let blind = Script::website(2, 2).blind(7000, "virtual ip", "www");
        assert_eq!(spans(&blind), [(300, 7000)]);
        assert_eq!(spans(&blind.sees_again(9000, "virtual ip", "www")), [(300, 7000), (9000, 20_000)]);
    }

    #[test]
    fn a_spare_is_there_without_being_in_rotation() {
        assert_eq!(spans(&with_a_spare()), [(300, 6000)]);
        assert_eq!(spans(&with_a_spare().replaced(6500, 7000, 8000, "web-1")), [(300, 6000), (8000, 20_000)]);
    }

    #[test]
    fn a_promoted_spare_must_be_in_rotation_and_the_one_it_stands_in_for_must_not() {
        let swap = Event::SparePromoted { spare: "web-3".into(), instead_of: "web-1".into() };
        let swapped = with_a_spare().event(6500, swap).view(6600, "lb-1", "web-1", "removed");
        let booted = swapped.clone().replaced(6500, 7000, 8000, "web-1");
        assert_eq!(spans(&booted), [(300, 6000)], "no balancer has the spare yet");
        assert_eq!(spans(&booted.view(9000, "lb-1", "web-3", "UP")), [(300, 6000), (9000, 20_000)]);
        assert_eq!(removed_ms(&swapped), Some(6600), "the dead one left rotation with the swap");
        let thin = swapped.view(6700, "lb-1", "web-3", "UP");
        assert_eq!(spans(&thin), [(300, 6000)], "the spare's own place is empty until web-1 is back");
    }

    #[test]
    fn an_earlier_instance_says_nothing_of_a_struck_replacement() {
        let script = Script::website(2, 1).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        let again = script.strike(10_000, "process", &["web-1"]).state(10_500, "web-1", 1, PowerState::Terminated);
        assert_eq!(spans(&again), [(300, 6000), (8000, 10_000)]);
    }

    /// The same site, its servers being two masters that replicate from each other.
    fn database_spans(script: &Script) -> Vec<(u64, u64)> {
        let mut history = script.history();
        let database = |server: &str, id, source: &str| Database { server: server.into(), id, source: source.into() };
        history.plan.infrastructure.databases.masters =
            vec![database("web-1", 1, "web-2"), database("web-2", 2, "web-1")];
        let whole = redundant_spans(&history, &Moments::of(&history));
        whole.iter().map(|whole| (whole.span.from_us / 1000, whole.span.to_us / 1000)).collect()
    }

    fn says(server: &str, writable: bool, replicating: bool) -> Event {
        let (server, gtid) = (server.into(), "1-1-7".into());
        Event::DatabaseView { server, writable, gtid, replicating, lag_ms: Some(0.0) }
    }

    fn two_databases() -> Script {
        Script::website(2, 1).event(500, says("web-1", true, true)).event(600, says("web-2", false, true))
    }

    #[test]
    fn every_database_must_replicate_and_one_be_writable() {
        assert_eq!(database_spans(&Script::website(2, 1)), [], "nobody has said anything");
        assert_eq!(database_spans(&two_databases()), [(600, 20_000)]);
        let stopped = two_databases().event(7000, says("web-2", false, false));
        assert_eq!(database_spans(&stopped), [(600, 7000)]);
        assert_eq!(database_spans(&stopped.event(8000, says("web-2", false, true))), [(600, 7000), (8000, 20_000)]);
        let unwritable = two_databases().event(7000, says("web-1", false, true));
        assert_eq!(database_spans(&unwritable), [(600, 7000)]);
        assert_eq!(database_spans(&unwritable.event(9000, says("web-2", true, true))), [(600, 7000), (9000, 20_000)]);
    }

    #[test]
    fn what_a_dead_database_said_no_longer_counts() {
        let died = two_databases().dies(6000, "web-1").event(6500, says("web-2", true, true));
        let replaced = died.replaced(6600, 7000, 8000, "web-1");
        assert_eq!(database_spans(&replaced), [(600, 6000)]);
        assert_eq!(database_spans(&replaced.event(8500, says("web-1", false, true))), [(600, 6000), (8500, 20_000)]);
    }

    #[test]
    fn a_database_that_can_not_be_seen_is_missing() {
        let blind = Event::ObserverBlind {
            observer: "database".into(),
            of: "web-2".into(),
            detail: String::new(),
            servers: vec![],
        };
        let script = two_databases().event(7000, blind);
        assert_eq!(database_spans(&script), [(600, 7000)]);
        assert_eq!(database_spans(&script.event(9000, says("web-2", false, true))), [(600, 7000), (9000, 20_000)]);
    }

    #[test]
    fn a_balancer_of_another_tier_is_not_asked() {
        let mut history = two_databases().history();
        history.plan.infrastructure.links.retain(|(_, to)| to != "web-2");
        let seen = |record: &Record| matches!(&record.event, Event::BalancerView { server, .. } if server == "web-2");
        history.events.retain(|record| !seen(record));
        let whole = redundant_spans(&history, &Moments::of(&history));
        assert_eq!(whole.iter().map(|whole| whole.span.to_us / 1000).collect::<Vec<_>>(), [20_000]);
    }
}
