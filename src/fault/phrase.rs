//! What the phrases of faults say, as far as that is words.

use super::Fault;

/// What `{target} …` says of its servers, where that is words alone: `die(s)` of `{target} die(s){schedule}`.
pub fn event(phrase: &str) -> Option<&str> {
    phrase.strip_prefix("{target} ").map(without_schedule).filter(|words| !words.contains('{'))
}

/// As it is said of one: `dies` for `die(s)`, `is suspended` for `is/are suspended`. Parameters stay.
pub fn singular(words: &str) -> String {
    let first = |word: &str| word.split('/').next().unwrap_or_default().replace(['(', ')'], "");
    words.split(' ').map(first).collect::<Vec<_>>().join(" ")
}

/// What steps call a fault: `hangs`, `loses power`, `restarts`. It is what its first phrase says after the target, or else its name.
pub fn in_words(fault: &dyn Fault) -> String {
    let after_target = fault.phrases().first().and_then(|phrase| phrase.rsplit_once("{target} "));
    let words = after_target.map(|(_, rest)| without_schedule(rest)).filter(|words| !words.contains('{'));
    words.map_or_else(|| fault.name().replace('-', " "), singular)
}

fn without_schedule(text: &str) -> &str {
    text.strip_suffix("{schedule}").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FAULTS, named};

    #[test]
    fn an_event_is_what_is_said_of_servers_in_words_alone() {
        assert_eq!(event("{target} get(s) a full disk{schedule}"), Some("get(s) a full disk"));
        assert_eq!(event("{target} lose(s) {percent} of packets{schedule}"), None);
        assert_eq!(event("the network of {target} is cut"), None);
        assert_eq!(singular("is/are suspended"), "is suspended");
        assert_eq!(singular("{target} miss(es) a beat"), "{target} misses a beat");
    }

    #[test]
    fn faults_are_called_as_steps_call_them() {
        let called = |name| in_words(named(name).unwrap());
        let names = ["dies", "power-on", "soft-reboots", "suspended", "process-restarts", "gains-delay", "partition"];
        let words =
            ["dies", "comes back", "reboots gracefully", "is suspended", "restarts", "gains delay", "partition"];
        assert_eq!(names.map(called), words);
    }

    #[test]
    fn every_fault_that_one_step_can_say_has_a_phrase() {
        let silent: Vec<_> = FAULTS.iter().filter(|fault| fault.phrases().is_empty()).map(|f| f.name()).collect();
        assert_eq!(silent, ["partition"], "its sides are in `steps/network.rs`");
    }
}
