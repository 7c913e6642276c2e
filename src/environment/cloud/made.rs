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
const ELASTIC_IP: &str = "Elastic IP";
const TEMPLATE: &str = "launch template";
const SCALING_GROUP: &str = "Auto Scaling group";

impl Made {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Thing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, what: &'static str, name: &str, id: &str) {
        self.all().insert(id.into(), Thing { what, name: name.into(), is_gone: false });
    }

    /// Whether nothing was made.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
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

    pub fn elastic_ip(&self, name: &str, id: &str) {
        self.add(ELASTIC_IP, name, id);
    }

    pub fn interface(&self, name: &str, id: &str) {
        self.add(INTERFACE, name, id);
    }

    pub fn template(&self, name: &str, id: &str) {
        self.add(TEMPLATE, name, id);
    }

    pub fn scaling_group(&self, name: &str, id: &str) {
        self.add(SCALING_GROUP, name, id);
    }

    pub fn group(&self, name: &str, id: &str) {
        self.add(GROUP, name, id);
    }

    /// In words: how many of each were made, then each one that is left; all others were removed.
    pub fn told(&self) -> Vec<String> {
        let all = self.all();
        let count = |what: &str| all.values().filter(|thing| thing.what == what).count();
        let kinds = [SERVER, PORT, INTERFACE, FLOATING_IP, ELASTIC_IP, SCALING_GROUP, TEMPLATE, GROUP];
        let kinds = kinds.map(|what| (what, count(what))).into_iter();
        let counted = kinds.filter(|(_, made)| *made > 0).map(|(what, made)| {
            let plural = if made == 1 { "" } else { "s" };
            format!("{made} {what}{plural}")
        });
        let counted = counted.collect::<Vec<_>>().join(", ");
        let left: Vec<String> = all
            .iter()
            .filter(|(_, thing)| !thing.is_gone)
            .map(|(id, thing)| format!("left there: the {} {} ({id})", thing.what, thing.name))
            .collect();
        let first = match (counted.is_empty(), left.is_empty()) {
            (true, _) => "nothing was made in the cloud".into(),
            (false, true) => format!("made in the cloud, and removed: {counted}"),
            (false, false) => format!("made in the cloud: {counted}; removed, but for what is listed here"),
        };
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
        let first = "made in the cloud: 2 servers, 1 port; removed, but for what is listed here";
        assert_eq!(made.told(), [first, "left there: the server web-2 (b)"]);
        made.gone("b");
        assert_eq!(made.told(), ["made in the cloud, and removed: 2 servers, 1 port"]);
        assert_eq!(Made::default().told(), ["nothing was made in the cloud"]);
    }
}
