//! Which server held the site's address when the first fault struck: the clients' link goes there.

use crate::history::{Event, History};

use super::moments::watched;

/// The holder of the address named `entry` when the first strike began, where exactly one server held it.
pub fn holder_before<'h>(history: &'h History, entry: &str) -> Option<&'h str> {
    let events = watched(history).iter().take_while(|record| !matches!(record.event, Event::InjectionStarted { .. }));
    let holders = |event: &'h Event| match event {
        Event::VirtualIpHolders { name, holders } if name == entry => Some(holders),
        _ => None,
    };
    match &events.filter_map(|record| holders(&record.event)).last()?[..] {
        [one] => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;

    #[test]
    fn the_holder_is_that_of_the_moment_the_fault_struck() {
        let script = Script::website(4, 2).dies(6000, "lb-1").holders(6090, &["lb-2"]);
        let history = script.history();
        assert_eq!(holder_before(&history, "www"), Some("lb-1"), "not lb-2, which took the address over");
        assert_eq!(holder_before(&history, "other"), None);
    }
}
