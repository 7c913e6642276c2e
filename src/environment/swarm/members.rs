//! Who knows the containers of a stack: the Docker Engines of its nodes, and the manager for those that were not named.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::timeout;

use super::stack::{inseparable, label, share_a_network};
use crate::docker::swarm::{self, Node};
use crate::docker::{Container, Docker, DockerError, container, labels};
use crate::environment::containers::names::server_name;
use crate::environment::containers::provider::{Listing, Lists};

/// How long another node's Docker Engine may take: the node may be what has failed.
const OTHER: Duration = Duration::from_secs(1);

/// Who knows the containers of a stack.
#[derive(Clone)]
pub(super) struct Members {
    manager: Docker,
    stack: String,
    /// The ids of all nodes, in the order of their host names.
    nodes: Vec<String>,
    /// By the id of the node.
    engines: BTreeMap<String, Docker>,
}

impl Members {
    pub fn new(manager: Docker, stack: &str, nodes: &[Node], engines: BTreeMap<String, Docker>) -> Members {
        let nodes = nodes.iter().map(|node| node.id.clone()).collect();
        Members { manager, stack: stack.into(), nodes, engines }
    }

    /// The Docker Engine of a node, if it is known.
    pub fn engine_of(&self, node: &str) -> Option<&Docker> {
        self.engines.get(node)
    }

    /// That of the node that a container is on.
    pub fn engine(&self, container: &Container) -> Option<&Docker> {
        self.engine_of(container.label(labels::SWARM_NODE)?)
    }

    /// What tasks of other nodes have, as the manager says.
    async fn elsewhere(&self) -> Result<Vec<Container>, DockerError> {
        let mut services = swarm::services(&self.manager).await?;
        services.retain(|service| service.stack() == Some(&self.stack));
        let tasks = swarm::tasks(&self.manager, &services.iter().collect::<Vec<_>>()).await?;
        let other = tasks.iter().filter(|task| !self.engines.contains_key(&task.node_id));
        let container = |task: &swarm::Task| {
            let service = services.iter().find(|service| service.id == task.service_id)?;
            task.container(service)
        };
        Ok(other.filter_map(container).collect())
    }
}

#[async_trait]
impl Lists for Members {
    async fn list(&self) -> Result<Listing, DockerError> {
        let label = label(&self.stack);
        let ask = async |docker: &Docker| match *docker == self.manager {
            true => container::list(docker, &label).await.map(Some),
            false => Ok(timeout(OTHER, container::list(docker, &label)).await.ok().and_then(Result::ok)),
        };
        let mut listing = Listing::default();
        for (docker, lines) in join_all(self.engines.values().map(async |docker| (docker, ask(docker).await))).await {
            match lines? {
                Some(lines) => listing.lines.extend(lines.into_iter().map(|line| (docker.clone(), line))),
                None => listing.silent.push(docker.clone()),
            }
        }
        if self.nodes.iter().any(|node| !self.engines.contains_key(node)) {
            listing.elsewhere = self.elsewhere().await?;
        }
        Ok(listing)
    }

    fn server_of(&self, of_container: &BTreeMap<String, String>) -> Option<String> {
        let service = of_container.get(labels::SWARM_SERVICE)?.as_str();
        let task = of_container.get(labels::SWARM_TASK)?.strip_prefix(service)?.strip_prefix('.')?;
        let which = task.split('.').next()?;
        let number = number_of(which.parse().unwrap_or(0), which, self.nodes.iter().map(String::as_str))?;
        let name = service.strip_prefix(&self.stack).and_then(|rest| rest.strip_prefix('_')).unwrap_or(service);
        Some(server_name(name, number))
    }

    fn reporters(&self) -> (Vec<Docker>, String) {
        (self.engines.values().cloned().collect(), label(&self.stack))
    }

    fn separable(&self, one: (&str, &Container), other: (&str, &Container)) -> Result<(), String> {
        if share_a_network(one.1, other.1) { Ok(()) } else { Err(inseparable(one.0, other.0)) }
    }
}

/// Which server of its service a task stands for: by its slot, or, where the service has one on each node, by the node's place in the order of host
/// names. `None` for a node that was not there when that order was looked at.
pub(super) fn number_of<'n>(slot: u32, node: &str, mut nodes: impl Iterator<Item = &'n str>) -> Option<u32> {
    match slot {
        0 => nodes.position(|id| id == node).map(|at| at as u32 + 1),
        slot => Some(slot),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn members() -> Members {
        let manager = Docker::at(Path::new("/run/docker.sock"));
        let nodes = ["n9", "n1"].map(String::from).to_vec();
        Members { manager, stack: "shop".into(), nodes, engines: BTreeMap::new() }
    }

    fn container(task: &str, network: &str) -> Container {
        let labels = json!({ (labels::SWARM_SERVICE): "shop_order_api", (labels::SWARM_TASK): task });
        serde_json::from_value(json!({
            "Id": "3f9a1c2b7d5e0000",
            "State": { "Status": "running", "Paused": false, "Pid": 0, "ExitCode": 0, "StartedAt": "" },
            "HostConfig": { "NetworkMode": "", "RestartPolicy": { "Name": "" } },
            "NetworkSettings": { "Networks": { "any": { "NetworkID": network } } }, "Config": { "Labels": labels }
        }))
        .unwrap()
    }

    #[test]
    fn a_slot_is_a_server_whichever_task_is_in_it_and_a_node_is_one_by_its_host_name() {
        let server = |task: &str| members().server_of(container(task, "").labels());
        assert_eq!(server("shop_order_api.2.t1").as_deref(), Some("order-api-2"));
        assert_eq!(server("shop_order_api.2.t9").as_deref(), Some("order-api-2"));
        assert_eq!(server("shop_order_api.n1.t1").as_deref(), Some("order-api-2"), "its node is the second one");
        assert_eq!(server("shop_order_api.n5.t1"), None, "its node has come since");
    }

    #[test]
    fn what_has_no_network_in_common_is_not_cut_by_addresses() {
        let [one, same, other] = ["a", "a", "b"].map(|network| container("shop_order_api.1.t1", network));
        assert!(members().separable(("a-1", &one), ("b-1", &same)).is_ok());
        let why = members().separable(("a-1", &one), ("b-1", &other)).unwrap_err();
        assert!(why.starts_with("a-1 and b-1 have no network in common"), "{why}");
        let unknown = container("shop_order_api.1.t1", "");
        assert!(members().separable(("a-1", &unknown), ("b-1", &unknown)).is_err(), "nothing is known of either");
    }
}
