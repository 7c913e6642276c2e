//! The site as a graph.

use std::collections::BTreeMap;

use petgraph::graph::{NodeIndex, UnGraph};

use super::Infrastructure;

/// The servers and their links, and the clients.
///
/// The site's entry counts as a link: one more node, the clients, is joined with the server that holds the site's
/// address. So the highest-degree node of `4 webservers behind haproxy` is the active balancer: it has five links,
/// the standby four, and a webserver two.
#[derive(Debug, Clone)]
pub struct SiteGraph {
    /// For measures beyond the degree (betweenness, bridges): `Some` is a server, `None` the clients.
    pub graph: UnGraph<Option<String>, ()>,
    servers: BTreeMap<String, NodeIndex>,
}

impl SiteGraph {
    /// The graph while `holder` has the site's address. Without a holder (nothing booted, or it is not known) the
    /// first of the virtual IP's holders counts; where the entry is a server, that server, whatever `holder` says.
    pub fn of(infrastructure: &Infrastructure, holder: Option<&str>) -> Self {
        let mut graph = UnGraph::default();
        let servers: BTreeMap<String, NodeIndex> =
            infrastructure.servers.keys().map(|name| (name.clone(), graph.add_node(Some(name.clone())))).collect();
        for (from, to) in &infrastructure.links {
            graph.update_edge(servers[from], servers[to], ());
        }
        let clients = graph.add_node(None);
        if let Some(entry) = servers.get(entry_server(infrastructure, holder)) {
            graph.update_edge(clients, *entry, ());
        }
        SiteGraph { graph, servers }
    }

    /// How many links a server has; `None` for an unknown name.
    pub fn degree(&self, name: &str) -> Option<usize> {
        self.servers.get(name).map(|node| self.graph.neighbors(*node).count())
    }

    /// The degree of every server.
    pub fn degrees(&self) -> BTreeMap<String, usize> {
        self.servers.iter().map(|(name, node)| (name.clone(), self.graph.neighbors(*node).count())).collect()
    }
}

/// The server where requests arrive.
fn entry_server<'a>(infrastructure: &'a Infrastructure, holder: Option<&'a str>) -> &'a str {
    let host = infrastructure.entry.host.as_str();
    let Some(shared) = infrastructure.virtual_ips.iter().find(|ip| ip.name == host) else { return host };
    holder.filter(|name| shared.holders.iter().any(|known| known == name)).unwrap_or(&shared.holders[0])
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
        let graph = SiteGraph::of(&paper(), None);
        assert_eq!(graph.degree("lb-1"), Some(5));
        assert_eq!(graph.degree("lb-2"), Some(4));
        assert_eq!(graph.degree("web-3"), Some(2));
        assert_eq!(graph.degree("clients"), None);
        assert_eq!(graph.degrees().len(), 6, "servers only");
    }

    #[test]
    fn the_degree_follows_the_virtual_ip() {
        let graph = SiteGraph::of(&paper(), Some("lb-2"));
        assert_eq!((graph.degree("lb-1"), graph.degree("lb-2")), (Some(4), Some(5)));
    }

    #[test]
    fn a_holder_that_is_none_of_the_declared_is_ignored() {
        let graph = SiteGraph::of(&paper(), Some("web-1"));
        assert_eq!((graph.degree("lb-1"), graph.degree("web-1")), (Some(5), Some(2)));
    }
}
