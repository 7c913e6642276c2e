//! What a run has made in a cloud and removed again, for the list that it ends with.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By id: what it is, and whether it is gone.
#[derive(Default)]
pub(in crate::environment) struct Made(Mutex<BTreeMap<String, Thing>>);

struct Thing {
    what: &'static str,
    name: String,
    is_gone: bool,
}

const SERVER: &str = "server";
const PORT: &str = "port";
const INTERFACE: &str = "network interface";
const GROUP: &str = "security group";
const FLOATING_IP: &str = "floating IP";

impl Made {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Thing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, what: &'static str, name: &str, id: &str) {
        self.all().insert(id.into(), Thing { what, name: name.into(), is_gone: false });
    }

    /// It was removed.
    pub fn gone(&self, id: &str) {
        if let Some(thing) = self.all().get_mut(id) {
            thing.is_gone = true;
        }
    }

    pub fn server(&self, name: &str, id: &str) {
        self.add(SERVER, name, id);
    }

    pub fn port(&self, name: &str, id: &str) {
        self.add(PORT, name, id);
    }

    pub fn floating_ip(&self, name: &str, id: &str) {
        self.add(FLOATING_IP, name, id);
    }

    pub fn interface(&self, name: &str, id: &str) {
        self.add(INTERFACE, name, id);
    }

    pub fn group(&self, name: &str, id: &str) {
        self.add(GROUP, name, id);
    }

    /// In words: how many of each were made and removed, then each one that is left.
    pub fn told(&self) -> Vec<String> {
        let all = self.all();
        let count = |what: &str, is_gone: bool| {
            all.values().filter(|thing| thing.what == what && (!is_gone || thing.is_gone)).count()
        };
        let all_kinds = [SERVER, PORT, INTERFACE, FLOATING_IP, GROUP];
        let kinds = all_kinds.into_iter().filter(|what| count(what, false) > 0);
        let counted = kinds.map(|what| {
            let (made, removed) = (count(what, false), count(what, true));
            let plural = if made == 1 { "" } else { "s" };
            format!("{made} {what}{plural}, of which {removed} were removed")
        });
        let first = format!("made in the cloud: {}", counted.collect::<Vec<_>>().join("; "));
        let left = all.iter().filter(|(_, thing)| !thing.is_gone);
        let left = left.map(|(id, thing)| format!("left there: the {} {} ({id})", thing.what, thing.name));
        std::iter::once(first).chain(left).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_listed_by_name() {
        let made = Made::default();
        made.server("web-1", "a");
        made.server("web-2", "b");
        made.port("web-1", "c");
        made.gone("a");
        made.gone("c");
        assert_eq!(
            made.told(),
            [
                "made in the cloud: 2 servers, of which 1 were removed; 1 port, of which 1 were removed",
                "left there: the server web-2 (b)"
            ]
        );
    }
}
