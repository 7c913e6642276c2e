//! Where servers are, for commands: names can't be looked up in the sandbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::Object;

use super::call::environment;
use super::{CallSpec, Workload};

/// What the templates of commands may speak of beside the operation itself.
#[derive(Debug, Clone)]
pub struct Around {
    /// Where users enter: `HOST:PORT`.
    pub(super) site: Value,
    /// The addresses of servers and virtual IPs, by name.
    pub(super) servers: Value,
}

impl Around {
    /// Users enter here, and servers are there.
    pub fn new(site: String, servers: &BTreeMap<String, String>) -> Around {
        Around { site: site.into(), servers: Value::from_pairs(servers.clone()) }
    }
}

/// Keeps the names that it is asked for.
#[derive(Debug, Default)]
struct Asked(Mutex<BTreeSet<String>>);

impl Object for Asked {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?.to_string();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        Some("192.0.2.1".into())
    }
}

impl Workload {
    /// The servers that its commands ask the addresses of: the model, the call, and the server's name.
    pub fn servers_asked_for(&self) -> Vec<(&'static str, &'static str, String)> {
        let commands = self.calls().filter(|(_, _, call)| call.is_command());
        let named = |(model, field, call)| asked_by(call).into_iter().map(move |name| (model, field, name));
        commands.flat_map(named).collect()
    }
}

fn asked_by(call: &CallSpec) -> BTreeSet<String> {
    let asked = Arc::new(Asked::default());
    let environment = environment();
    let servers = Value::from_dyn_object(Arc::clone(&asked));
    for word in &call.command {
        let some = ["value", "from", "to", "by", "key", "site"].map(|name| (name, Value::from(1)));
        let names: BTreeMap<&str, Value> = some.into_iter().chain([("servers", servers.clone())]).collect();
        // What else is wrong with it was found when the file was read.
        let _ = environment.render_str(word, names);
    }
    let names = asked.0.lock().unwrap_or_else(PoisonError::into_inner);
    names.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Filled, Names, Templates};

    fn command(words: &[&str]) -> CallSpec {
        CallSpec { command: words.iter().map(ToString::to_string).collect(), ..CallSpec::default() }
    }

    #[test]
    fn commands_find_servers_and_the_site_by_their_names() {
        let call =
            command(&["redis-cli", "-h", "{{ servers[\"db-1\"] }}", "-u", "http://{{ site }}/", "{{ servers.db }}"]);
        assert_eq!(asked_by(&call).into_iter().collect::<Vec<_>>(), ["db", "db-1"]);
        let servers = [("db-1", "198.18.0.2"), ("db", "198.18.0.3")].map(|(name, at)| (name.into(), at.into())).into();
        let templates = Templates::of([&call], None, Around::new("198.18.0.1:80".into(), &servers));
        let Ok(Filled::Command(argv)) = templates.fill(&call, &Names::default()) else { panic!("it is a command") };
        assert_eq!(argv, ["redis-cli", "-h", "198.18.0.2", "-u", "http://198.18.0.1:80/", "198.18.0.3"]);
        let unknown = command(&["{{ servers[\"db-9\"] }}"]);
        let templates = Templates::of([&unknown], None, Around::new(String::new(), &servers));
        assert!(templates.fill(&unknown, &Names::default()).unwrap_err().contains("can't be filled in"));
    }
}
