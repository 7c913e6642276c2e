//! Which server a line of a balancer's statistics is of.
//!
//! A balancer calls its servers as its configuration does. With HAProxy's `server-template` that is a number in the order in which addresses were
//! found, so `app-2` may be the container that is called app-1. A line is therefore of the server that has its address. A name alone is only believed
//! in a backend in which no address contradicts a name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use tokio::sync::watch;

use crate::agent::watch::statistics::{Rotation, ServerRow};

/// Which server had an address last.
pub(super) type Owners = BTreeMap<Ipv4Addr, String>;

/// The lines of one balancer.
pub(super) struct Slots {
    owners: watch::Receiver<Owners>,
    /// Backend and name of a line → the server that it was of last.
    last: BTreeMap<(String, String), String>,
}

impl Slots {
    /// By these addresses.
    pub fn new(owners: watch::Receiver<Owners>) -> Slots {
        Slots { owners, last: BTreeMap::new() }
    }

    /// One line for each server of each backend, with the server's own name. What is no server's is left out: a line of a template
    /// for which there is no address.
    pub fn of_servers(&mut self, lines: Vec<ServerRow>) -> Vec<ServerRow> {
        let owners = self.owners.borrow().clone();
        let owner = |line: &ServerRow| line.address.and_then(|address| owners.get(&address));
        let owned: BTreeSet<(String, String)> =
            lines.iter().filter_map(|line| Some((line.proxy.clone(), owner(line)?.clone()))).collect();
        let misnames = |line: &&ServerRow| owner(line).is_some_and(|owner| *owner != line.name);
        let misnaming: BTreeSet<String> = lines.iter().filter(misnames).map(|line| line.proxy.clone()).collect();
        let is_server = |name: &String| owners.values().any(|server| server == name);
        let mut found = Vec::new();
        for line in lines {
            let slot = (line.proxy.clone(), line.name.clone());
            if let Some(owner) = owner(&line) {
                self.last.insert(slot, owner.clone());
                put(&mut found, ServerRow { name: owner.clone(), ..line });
                continue;
            }
            let is_another = line.address.is_some() && !is_server(&line.name);
            let by_name = (is_another || !misnaming.contains(&line.proxy)).then(|| line.name.clone());
            let server = self.last.get(&slot).cloned().or(by_name);
            // What another line is of by its address is not of this one.
            if let Some(name) = server.filter(|name| !owned.contains(&(line.proxy.clone(), name.clone()))) {
                put(&mut found, ServerRow { name, ..line });
            }
        }
        found
    }
}

/// Adds a line. Where a server has several in a backend, one for each port, the worst speaks for it.
fn put(found: &mut Vec<ServerRow>, line: ServerRow) {
    let worse = |rotation| match rotation {
        Rotation::In => 0,
        Rotation::Standby => 1,
        Rotation::Out => 2,
    };
    match found.iter_mut().find(|other| (&other.proxy, &other.name) == (&line.proxy, &line.name)) {
        None => found.push(line),
        Some(other) => {
            let requests = other.requests + line.requests;
            if worse(line.rotation) > worse(other.rotation) {
                *other = line;
            }
            other.requests = requests;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, address: Option<u8>, rotation: Rotation) -> ServerRow {
        let address = address.map(|last| Ipv4Addr::new(172, 18, 0, last));
        let (status, check) = ("UP".into(), "L7OK".into());
        ServerRow { proxy: "apps".into(), name: name.into(), address, requests: 1, status, check, rotation }
    }

    fn slots(owners: &[(u8, &str)]) -> Slots {
        let owner = |(last, name): &(u8, &str)| (Ipv4Addr::new(172, 18, 0, *last), name.to_string());
        Slots::new(watch::channel(owners.iter().map(owner).collect()).1)
    }

    fn seen(slots: &mut Slots, lines: Vec<ServerRow>) -> Vec<(String, Rotation)> {
        slots.of_servers(lines).into_iter().map(|line| (line.name, line.rotation)).collect()
    }

    use Rotation::{In, Out, Standby};

    #[test]
    fn a_line_is_of_the_server_that_has_its_address_whatever_it_is_called() {
        let mut slots = slots(&[(2, "app-1"), (3, "app-2")]);
        let lines = vec![line("app-1", Some(3), Out), line("app-2", Some(2), In)];
        assert_eq!(seen(&mut slots, lines), [("app-2".into(), Out), ("app-1".into(), In)]);
    }

    #[test]
    fn where_names_lie_a_line_without_an_address_is_of_nothing_or_of_what_it_was_of_last() {
        let mut slots = slots(&[(2, "app-1"), (3, "app-2"), (4, "app-3")]);
        let lies = || line("app-1", Some(3), In);
        assert_eq!(seen(&mut slots, vec![lies(), line("app-3", None, Out)]), [("app-2".into(), In)]);
        assert_eq!(seen(&mut slots, vec![lies(), line("app-2", Some(2), In)])[1], ("app-1".into(), In));
        assert_eq!(seen(&mut slots, vec![lies(), line("app-2", None, Out)])[1], ("app-1".into(), Out));
        let taken = vec![line("app-1", Some(2), In), line("app-2", None, Out)];
        assert_eq!(seen(&mut slots, taken), [("app-1".into(), In)], "the other line has its address");
        let outside = vec![lies(), line("mirror", Some(200), Out), line("app-3", Some(201), Out)];
        assert_eq!(seen(&mut slots, outside), [("app-2".into(), In), ("mirror".into(), Out)]);
    }

    #[test]
    fn names_are_believed_where_no_address_contradicts_them() {
        let lines = || vec![line("app-1", None, In), line("app-2", None, Out)];
        let by_name = [("app-1".to_string(), In), ("app-2".into(), Out)];
        assert_eq!(seen(&mut slots(&[]), lines()), by_name);
        assert_eq!(seen(&mut slots(&[(2, "app-1"), (3, "app-2")]), lines()), by_name);
        let right = vec![line("app-1", Some(2), In), line("app-2", None, Out)];
        assert_eq!(seen(&mut slots(&[(2, "app-1"), (3, "app-2")]), right), by_name);
    }

    #[test]
    fn the_worst_of_a_server_s_lines_speaks_for_it() {
        let mut slots = slots(&[(2, "app-1")]);
        let lines = vec![line("a", Some(2), In), line("b", Some(2), Out), line("c", Some(2), Standby)];
        let found = slots.of_servers(lines);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].rotation, found[0].requests), ("app-1", Out, 3));
    }
}
