//! A Swarm as a manager of it describes it: its nodes, and the services and tasks of a stack.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::client::encoded;
use super::{Container, Docker, DockerError, labels};

/// What a daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// Its place in a Swarm.
    pub swarm: Membership,
}

/// A daemon's place in a Swarm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Membership {
    /// The id of its node; empty where it is in no Swarm.
    #[serde(rename = "NodeID", default)]
    pub node_id: String,
    /// The address by which other nodes reach it.
    #[serde(default)]
    pub node_addr: String,
    /// `active` where it is in a Swarm.
    pub local_node_state: String,
    /// Whether it is a manager.
    pub control_available: bool,
    /// The managers that it knows.
    #[serde(default)]
    pub remote_managers: Option<Vec<Manager>>,
}

/// A manager, as other nodes know it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Manager {
    /// `192.0.2.1:2377`
    pub addr: String,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// What it is made of.
    pub description: NodeDescription,
    /// How it is.
    pub status: NodeStatus,
}

/// What a node is made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeDescription {
    /// Its host name.
    pub hostname: String,
}

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeStatus {
    /// Where other nodes reach it.
    #[serde(default)]
    pub addr: String,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// What it should be.
    pub spec: ServiceSpec,
    /// What it publishes.
    #[serde(default)]
    pub endpoint: Endpoint,
}

/// What a service should be.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceSpec {
    /// `shop_web`
    pub name: String,
    /// What it is marked with.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

/// What a service publishes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    /// Its ports.
    #[serde(default)]
    pub ports: Option<Vec<Port>>,
}

/// A port that a service publishes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Port {
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// The container's.
    pub target_port: u16,
    /// The nodes'; nothing or 0: Docker chooses one.
    #[serde(default)]
    pub published_port: u16,
    /// `ingress`: of every node; `host`: of those that have a task.
    #[serde(default)]
    pub publish_mode: String,
}

/// A task: one container of a service, which is replaced by another task when it ends.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Task {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// The service's id.
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    /// Which of its service it is, from 1; 0 where the service has one on each node.
    #[serde(default)]
    pub slot: u32,
    /// The id of the node that it is on; empty until it has one.
    #[serde(rename = "NodeID", default)]
    pub node_id: String,
    /// How it is.
    pub status: TaskStatus,
    /// `running` while it should run.
    pub desired_state: String,
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskStatus {
    /// `new`, `pending`, `preparing`, `running`, `failed`, and more.
    pub state: String,
    /// Why it is not running.
    #[serde(default)]
    pub err: String,
    /// What became of its container.
    #[serde(default)]
    pub container_status: Option<ContainerStatus>,
}

/// A task's container.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerStatus {
    /// Its id.
    #[serde(rename = "ContainerID", default)]
    pub container_id: String,
    /// Its first process as its machine numbers it.
    #[serde(rename = "PID", default)]
    pub pid: i32,
}

/// What a daemon says of its place in a Swarm.
///
/// # Errors
/// It can't be asked.
pub async fn membership(docker: &Docker) -> Result<Membership, DockerError> {
    docker.get::<Info>("/info").await.map(|info| info.swarm)
}

/// The same of one that must be a manager.
///
/// # Errors
/// It is in no Swarm, or a worker; it can't be asked.
pub async fn manager(docker: &Docker) -> Result<Membership, DockerError> {
    let found = membership(docker).await?;
    let socket = docker.socket().into();
    if found.local_node_state != "active" {
        return Err(DockerError::NoSwarm { socket, state: found.local_node_state });
    }
    if !found.control_available {
        let managers = found.remote_managers.into_iter().flatten().map(|manager| manager.addr).collect();
        return Err(DockerError::Worker { socket, managers });
    }
    Ok(found)
}

/// All nodes. Only a manager answers this, and what follows.
///
/// # Errors
/// It can't be asked, or refuses.
pub async fn nodes(docker: &Docker) -> Result<Vec<Node>, DockerError> {
    docker.get("/nodes").await
}

/// The services of all stacks.
///
/// # Errors
/// It can't be asked, or refuses.
pub async fn services(docker: &Docker) -> Result<Vec<Service>, DockerError> {
    filtered(docker, "services", json!({ "label": [labels::STACK] })).await
}

/// The tasks of these services that should run, and those that did.
///
/// # Errors
/// It can't be asked, or refuses.
pub async fn tasks(docker: &Docker, services: &[&Service]) -> Result<Vec<Task>, DockerError> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = services.iter().map(|service| service.id.as_str()).collect();
    filtered(docker, "tasks", json!({ "service": ids })).await
}

async fn filtered<T: DeserializeOwned>(docker: &Docker, what: &str, by: serde_json::Value) -> Result<T, DockerError> {
    docker.get(&format!("/{what}?filters={}", encoded(&by.to_string()))).await
}

impl Service {
    /// The stack that it is of.
    pub fn stack(&self) -> Option<&str> {
        self.spec.labels.as_ref()?.get(labels::STACK).map(String::as_str)
    }

    /// Its name within its stack: `web`.
    pub fn name_in(&self, stack: &str) -> &str {
        let name = self.spec.name.as_str();
        name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('_')).unwrap_or(name)
    }
}

impl Task {
    /// Whether it should run.
    pub fn is_wanted(&self) -> bool {
        self.desired_state == "running"
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.status.state == "running"
    }

    /// Its container, as far as Swarm tells: without addresses, limits or health. `None` until it has one.
    pub fn container(&self, service: &Service) -> Option<Container> {
        let status = self.status.container_status.as_ref().filter(|status| !status.container_id.is_empty())?;
        let (state, pid) = if self.runs() { ("running", status.pid) } else { ("exited", 0) };
        let which = if self.slot == 0 { self.node_id.clone() } else { self.slot.to_string() };
        let name = &service.spec.name;
        let labels = json!({
            (labels::SWARM_SERVICE): name, (labels::SWARM_TASK): format!("{name}.{which}.{}", self.id), (labels::SWARM_NODE): self.node_id
        });
        let value = json!({
            "Id": status.container_id,
            "State": { "Status": state, "Paused": false, "Pid": pid, "ExitCode": 0, "StartedAt": self.id },
            "HostConfig": { "NetworkMode": "", "RestartPolicy": { "Name": "" } },
            "NetworkSettings": {},
            "Config": { "Labels": labels },
        });
        Some(serde_json::from_value(value).expect("it has all that a container has"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Service {
        let labels = json!({ (labels::STACK): "shop" });
        serde_json::from_value(json!({ "ID": "s1", "Spec": { "Name": name, "Labels": labels } })).unwrap()
    }

    #[test]
    fn a_service_is_called_without_its_stack() {
        assert_eq!(service("shop_web").name_in("shop"), "web");
        assert_eq!(service("shopping_web").name_in("shop"), "shopping_web", "it is of another one");
        assert_eq!(service("shop_web").stack(), Some("shop"));
    }

    #[test]
    fn a_task_says_of_its_container_which_one_it_is_and_whether_it_runs() {
        let task = |state: &str, slot: u32| -> Task {
            let value = json!({
                "ID": "t1", "ServiceID": "s1", "Slot": slot, "NodeID": "n1", "DesiredState": "running",
                "Status": { "State": state, "ContainerStatus": { "ContainerID": "3f9a1c2b7d5e0000", "PID": 7 } }
            });
            serde_json::from_value(value).unwrap()
        };
        let found = task("running", 2).container(&service("shop_web")).unwrap();
        assert!(found.runs() && found.addresses().is_empty());
        assert_eq!(found.label(labels::SWARM_TASK), Some("shop_web.2.t1"));
        let everywhere = task("failed", 0).container(&service("shop_web")).unwrap();
        assert!(!everywhere.runs());
        assert_eq!(everywhere.label(labels::SWARM_TASK), Some("shop_web.n1.t1"));
    }
}
