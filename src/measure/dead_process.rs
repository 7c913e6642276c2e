//! Processes that a fault killed and that did not run again while it was watched: as far as it is on record, and no further.

use super::moments::{server_of, watched};
use crate::history::{Event, History};

/// The fault that kills processes and leaves it to others to start them again.
const FAULT: &str = "process-dies";

/// A process that died for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadProcess<'h> {
    /// The server on which it ran.
    pub server: &'h str,
    /// The step that killed it.
    pub step: &'h str,
}

/// Each process that a confirmed fault killed, in the order of the confirmations, if nothing on record says since that it ran again: it was not seen
/// back, and its server was neither replaced nor ready again.
pub fn dead_processes(history: &History) -> Vec<DeadProcess<'_>> {
    let events = watched(history);
    let mut dead = Vec::new();
    for (nth, record) in events.iter().enumerate() {
        let Event::FaultConfirmed { strike, target, .. } = &record.event else { continue };
        let killed_by = events.iter().find_map(|record| match &record.event {
            Event::StrikeResolved { strike: other, fault, step, .. } if other == strike && fault == FAULT => Some(step),
            _ => None,
        });
        let server = server_of(target);
        if let Some(step) = killed_by
            && !events[nth..].iter().any(|record| runs_again(&record.event, (*strike, server)))
            && !dead.iter().any(|one: &DeadProcess<'_>| one.server == server && one.step == step)
        {
            dead.push(DeadProcess { server, step });
        }
    }
    dead
}

/// Whether an event says that what a strike killed on a server runs again.
fn runs_again(event: &Event, (number, server): (u32, &str)) -> bool {
    match event {
        Event::ProcessBack { strike, target, .. } => *strike == number && server_of(target) == server,
        Event::InstanceBooted { server: of, .. }
        | Event::ServerReady { server: of, .. }
        | Event::ReconcilerReplaced { server: of, .. }
        | Event::AutoScalingReplaced { server: of, .. } => of == server,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Schedule;

    fn dead(script: &Script) -> Vec<String> {
        dead_processes(&script.history()).iter().map(|dead| format!("{}: {}", dead.server, dead.step)).collect()
    }

    fn killed() -> Script {
        Script::website(3, 1).strike(6000, "process-dies", &["web-1", "web-2"])
    }

    #[test]
    fn a_process_is_dead_until_the_record_says_otherwise() {
        assert_eq!(dead(&killed()), ["web-1: a node process-dies", "web-2: a node process-dies"]);
        let back = |target: &str| Event::ProcessBack { strike: 0, target: target.into(), evidence: "1 process".into() };
        assert_eq!(dead(&killed().event(7000, back("web-2"))), ["web-1: a node process-dies"]);
        assert_eq!(
            dead(&killed().event(7000, back("web-2")).replaced(6500, 7000, 8000, "web-1")),
            Vec::<String>::new()
        );
        let of_another = Event::ProcessBack { strike: 1, target: "web-1".into(), evidence: "1 process".into() };
        assert_eq!(dead(&killed().event(7000, of_another)).len(), 2);
    }

    #[test]
    fn a_fault_that_was_not_confirmed_or_kills_no_process_leaves_none_dead() {
        let unconfirmed = Script::website(2, 1).strike_unconfirmed(6000, "process-dies", &["web-1"], Schedule::Once);
        assert_eq!(dead(&unconfirmed), Vec::<String>::new());
        assert_eq!(dead(&Script::website(2, 1).dies(6000, "web-1")), Vec::<String>::new());
    }
}
