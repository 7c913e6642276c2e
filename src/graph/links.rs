//! Servers by name, who talks to whom, and where the clients enter.

use std::collections::{BTreeMap, BTreeSet};

use super::net::Net;
use crate::document::names::natural;
use crate::infrastructure::Infrastructure;

/// What the site's users are called where they have to be named.
pub const CLIENTS: &str = "clients";

/// A server of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name: no other node has it.
    pub name: String,
    /// Its identity in the file that it comes from, where the name is a label.
    pub id: Option<String>,
    /// What it is, where the file says so: servers of one role stand in for each other.
    pub role: Option<String>,
    /// Where it is placed, where the file says so.
    pub zone: Option<String>,
}

/// Who is linked with whom. Servers are numbered in the natural order of their names; the clients, where it is known
/// at which servers they enter, are the node after the last server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    servers: Vec<Node>,
    numbers: BTreeMap<String, usize>,
    entered: bool,
    now: Net,
    lasting: Net,
}

impl Links {
    /// The graph of an infrastructure while `holder` has the site's address. Without a holder (nothing booted, or it
    /// is not known) the first of the virtual IP's holders counts; where the entry is a server, that server, whatever
    /// `holder` says.
    pub fn of(infrastructure: &Infrastructure, holder: Option<&str>) -> Links {
        let servers = infrastructure.servers.values().map(|server| Node {
            name: server.name.clone(),
            id: None,
            role: Some(server.role.clone()),
            zone: server.zone.clone(),
        });
        let entry = &infrastructure.entry.host;
        let shared = infrastructure.virtual_ips.iter().find(|shared| shared.name == *entry);
        // No server is known to have the address of an inventory's entry, say.
        let alone = if entry.is_empty() { &[] } else { std::slice::from_ref(entry) };
        let holders = shared.map_or(alone, |shared| &shared.holders);
        let holds = |name: &&str| holders.iter().any(|known| known == name);
        let active = holder.filter(holds).or(holders.first().map(String::as_str));
        let mut links = Links::new(servers.collect(), &infrastructure.links, holders);
        links.now = links.net(&infrastructure.links, &active.map(String::from).into_iter().collect::<Vec<_>>());
        links
    }

    /// The graph of servers that are linked so, as pairs (client side, server side) of names, where clients enter at
    /// `entries`. Names must be unique, no id may be the name of another server, and links lead somewhere; a link that
    /// does not is left out.
    pub fn new(mut servers: Vec<Node>, links: &[(String, String)], entries: &[String]) -> Links {
        servers.sort_by(|a, b| natural(&a.name).cmp(&natural(&b.name)));
        let ids = servers.iter().enumerate().filter_map(|(number, server)| Some((server.id.clone()?, number)));
        let names = servers.iter().enumerate().map(|(number, server)| (server.name.clone(), number));
        let numbers = ids.chain(names).collect();
        let (now, lasting) = Default::default();
        let mut graph = Links { servers, numbers, entered: !entries.is_empty(), now, lasting };
        graph.lasting = graph.net(links, entries);
        graph.now = graph.lasting.clone();
        graph
    }

    fn net(&self, links: &[(String, String)], entries: &[String]) -> Net {
        let number = |name: &String| self.numbers.get(name).copied();
        let links = links.iter().filter_map(|(from, to)| Some((number(from)?, number(to)?)));
        let entries = entries.iter().filter_map(|entry| Some((self.servers.len(), number(entry)?)));
        Net::new(self.servers.len() + usize::from(self.entered), links.chain(entries))
    }

    /// The servers, by number.
    pub fn servers(&self) -> &[Node] {
        &self.servers
    }

    /// The number of the clients, where it is known at which servers they enter.
    pub fn clients(&self) -> Option<usize> {
        self.entered.then_some(self.servers.len())
    }

    /// The links as they are now: where servers share the entry's address, only its holder is entered.
    pub fn now(&self) -> &Net {
        &self.now
    }

    /// The links as they can be: every server that may hold the entry's address is entered.
    pub fn lasting(&self) -> &Net {
        &self.lasting
    }

    /// The number of a server, by its name or its id.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// The name of a node.
    pub fn name(&self, number: usize) -> &str {
        self.servers.get(number).map_or(CLIENTS, |server| &server.name)
    }

    /// How many others a server is linked with, the clients counted as one; `None` for an unknown name.
    pub fn degree(&self, name: &str) -> Option<usize> {
        self.number(name).map(|number| self.now.near(number).len())
    }

    /// The zones that servers are placed in, each with its servers' numbers.
    pub fn zones(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut zones: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, server) in self.servers.iter().enumerate() {
            if let Some(zone) = &server.zone {
                zones.entry(zone).or_default().push(number);
            }
        }
        zones
    }

    /// The roles that servers have.
    pub fn roles(&self) -> BTreeSet<&str> {
        self.servers.iter().filter_map(|server| server.role.as_deref()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::tiers::Draft;

    fn paper() -> Infrastructure {
        let mut draft = Draft::default();
        draft.behind_haproxy(4, "webserver").unwrap();
        draft.build().unwrap()
    }

    #[test]
    fn the_active_balancer_has_the_highest_degree() {
        let links = Links::of(&paper(), None);
        assert_eq!(links.degree("lb-1"), Some(5));
        assert_eq!(links.degree("lb-2"), Some(4));
        assert_eq!(links.degree("web-3"), Some(2));
        assert_eq!(links.degree("clients"), None, "the clients are no server");
        assert_eq!(links.servers().len(), 6);
    }

    #[test]
    fn the_degree_follows_the_virtual_ip() {
        let links = Links::of(&paper(), Some("lb-2"));
        assert_eq!((links.degree("lb-1"), links.degree("lb-2")), (Some(4), Some(5)));
    }

    #[test]
    fn a_holder_that_is_none_of_the_declared_is_ignored() {
        let links = Links::of(&paper(), Some("web-1"));
        assert_eq!((links.degree("lb-1"), links.degree("web-1")), (Some(5), Some(2)));
    }

    #[test]
    fn what_lasts_is_that_either_balancer_may_be_entered() {
        let links = Links::of(&paper(), None);
        let clients = links.clients().unwrap();
        assert_eq!((links.now().near(clients).len(), links.lasting().near(clients).len()), (1, 2));
    }

    #[test]
    fn servers_are_in_natural_order() {
        let servers = ["web-10", "web-9", "lb"].map(|name| Node { name: name.into(), ..Node::default() });
        let links = Links::new(servers.into(), &[], &[]);
        assert_eq!((links.name(0), links.name(1), links.name(2)), ("lb", "web-9", "web-10"));
        assert_eq!(links.clients(), None);
    }

    #[test]
    fn where_no_server_is_known_to_be_the_entry_there_are_no_clients() {
        let mut unknown = paper();
        unknown.entry.host.clear();
        let links = Links::of(&unknown, None);
        assert_eq!((links.clients(), links.degree("lb-1")), (None, Some(4)));
    }
}
