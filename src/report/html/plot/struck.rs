//! Faults on the rows of servers: a server that stays up while a fault is in force on it looks as if nothing had happened,
//! so the fault is drawn on its row, from its onset until it was healed.

use super::tracks::{Paint, Since, Tracks};
use crate::palette;
use crate::report::html::timeline::ServerFault;

/// The rows of servers, with every fault in force where a server was up or was not seen. A state that says more, such as
/// `frozen` or `terminated`, stays.
pub fn with_faults(mut tracks: Tracks, faults: &[ServerFault]) -> Tracks {
    for (server, states) in &mut tracks {
        let faults: Vec<&ServerFault> = faults.iter().filter(|fault| fault.server == *server).collect();
        if !faults.is_empty() {
            *states = struck(states, &faults);
        }
    }
    tracks
}

/// One row, looked at anew at each moment at which its state or what was in force on it changed.
fn struck(states: &[Since], faults: &[&ServerFault]) -> Vec<Since> {
    let edges = faults.iter().flat_map(|fault| [fault.window.from_s, fault.window.to_s]);
    let mut moments: Vec<f64> = states.iter().map(|state| state.at_s).chain(edges).collect();
    moments.sort_by(f64::total_cmp);
    moments.dedup();
    let mut row: Vec<Since> = Vec::new();
    for at_s in moments {
        let state = states.iter().rev().find(|state| state.at_s <= at_s);
        let in_force: Vec<&str> = faults
            .iter()
            .filter(|one| one.window.from_s <= at_s && at_s < one.window.to_s)
            .map(|one| &*one.fault)
            .collect();
        let paint = painted(state.and_then(|state| state.paint.as_ref()), state.is_some(), &in_force);
        if row.last().is_none_or(|last| last.paint != paint) {
            row.push(Since { at_s, paint });
        }
    }
    row
}

fn painted(state: Option<&Paint>, is_unseen: bool, in_force: &[&str]) -> Option<Paint> {
    let fault = in_force.join(", ").replace('-', " ");
    match state {
        _ if in_force.is_empty() => state.cloned(),
        Some(state) if state.colour != palette::SKY => Some(state.clone()),
        None if is_unseen => Some(Paint { colour: palette::ORANGE, word: format!("{fault}, server not seen") }),
        _ => Some(Paint { colour: palette::ORANGE, word: fault }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::timeline::FaultWindow;

    fn up() -> Option<Paint> {
        Some(Paint { colour: palette::SKY, word: String::new() })
    }

    fn fault(fault: &str, from_s: f64, to_s: f64) -> ServerFault {
        ServerFault { server: "web-1".into(), fault: fault.into(), window: FaultWindow { from_s, to_s } }
    }

    /// What is drawn of a server of these states: when, and the word on it.
    fn drawn(states: &[(f64, Option<Paint>)], faults: &[ServerFault]) -> Vec<(f64, Option<String>)> {
        let states = states.iter().map(|(at_s, paint)| Since { at_s: *at_s, paint: paint.clone() }).collect();
        let other = vec![Since { at_s: -1.0, paint: up() }];
        let tracks = with_faults([("web-1".to_string(), states), ("web-2".to_string(), other.clone())].into(), faults);
        assert_eq!(tracks["web-2"], other, "a server that was not struck looks as before");
        tracks["web-1"].iter().map(|state| (state.at_s, state.paint.as_ref().map(|paint| paint.word.clone()))).collect()
    }

    fn word(word: &str) -> Option<String> {
        Some(word.into())
    }

    #[test]
    fn a_fault_on_a_server_that_stays_up_is_drawn_from_its_onset_until_it_is_healed() {
        let told = drawn(&[(-3.0, up())], &[fault("process-stops", 5.0, 8.0)]);
        assert_eq!(told, [(-3.0, word("")), (5.0, word("process stops")), (8.0, word(""))]);
    }

    #[test]
    fn a_state_that_says_more_stays() {
        let frozen = Some(Paint { colour: palette::ORANGE, word: "frozen".into() });
        let told = drawn(&[(-3.0, up()), (5.1, frozen), (7.9, up())], &[fault("hangs", 5.0, 8.0)]);
        let hangs = [(5.0, word("hangs")), (5.1, word("frozen")), (7.9, word("hangs"))];
        assert_eq!(told, [&[(-3.0, word(""))], &hangs[..], &[(8.0, word(""))]].concat());
    }

    #[test]
    fn a_fault_is_drawn_where_its_server_was_not_seen_and_two_at_once_are_both_told() {
        let told = drawn(&[(-3.0, up()), (5.5, None)], &[fault("loses-network", 5.0, 6.0)]);
        let unseen = word("loses network, server not seen");
        assert_eq!(told, [(-3.0, word("")), (5.0, word("loses network")), (5.5, unseen), (6.0, None)]);
        let both = drawn(&[(-3.0, up())], &[fault("gains-delay", 5.0, 7.0), fault("cpu-taken", 6.0, 8.0)]);
        let words: Vec<_> = both.iter().map(|(_, word)| word.clone().unwrap()).collect();
        assert_eq!(words, ["", "gains delay", "gains delay, cpu taken", "cpu taken", ""]);
    }
}
