//! One container, as the daemon says that it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::client::encoded;
use super::{Docker, DockerError, labels};
use crate::agent::process::Identity;

/// So many letters of an id tell a container from all others, as Docker itself shows it.
const SHORT: usize = 12;

/// What a container may have of another's, in words.
pub(super) const NETWORK: &str = "network";
pub(super) const PROCESSES: &str = "process namespace";

/// A line of the list of all containers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`.
    pub state: String,
    /// What it is marked with.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// What it does.
    pub state: State,
    /// How often its restart policy has started it since it was started by a command.
    #[serde(default)]
    pub restart_count: u32,
    /// What it was made with.
    pub host_config: HostConfig,
    /// Where it is reached.
    pub network_settings: NetworkSettings,
    /// What it is made of.
    pub config: Config,
    /// What is mounted in it.
    #[serde(default)]
    pub mounts: Vec<Mount>,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    /// See [`Listed::state`].
    pub status: String,
    /// Whether every process of it is frozen.
    pub paused: bool,
    /// Whether the kernel killed it for memory.
    #[serde(rename = "OOMKilled", default)]
    pub oom_killed: bool,
    /// Its first process as the machine numbers it; 0 where none runs.
    pub pid: i32,
    /// How it ended last.
    pub exit_code: i64,
    /// When its first process was started last (RFC 3339).
    pub started_at: String,
    /// What its health check says, where it has one.
    #[serde(default)]
    pub health: Option<Health>,
}

/// What a health check says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Health {
    /// `starting`, `healthy`, `unhealthy`, `none`.
    pub status: String,
    /// The last checks.
    #[serde(default)]
    pub log: Option<Vec<HealthCheck>>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HealthCheck {
    /// What it printed.
    #[serde(default)]
    pub output: String,
}

/// What a container was made with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostConfig {
    /// `host`, `none`, `container:ID`, or the name of a network.
    pub network_mode: String,
    /// `host`, `container:ID`, or nothing for processes of its own.
    #[serde(default)]
    pub pid_mode: String,
    /// Whether it is started again.
    pub restart_policy: RestartPolicy,
    /// What was asked to be published, by `80/tcp`.
    #[serde(default)]
    pub port_bindings: Option<BTreeMap<String, Option<Vec<PortBinding>>>>,
}

/// Whether a container is started again when its process ends.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestartPolicy {
    /// `no` or nothing, `always`, `on-failure`, `unless-stopped`.
    pub name: String,
}

/// A port of the machine that leads into a container.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PortBinding {
    /// Of the machine; nothing for all of them.
    #[serde(default)]
    pub host_ip: String,
    /// Nothing or `0`: the daemon chooses one at each start.
    #[serde(default)]
    pub host_port: String,
}

/// Where a container is reached.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkSettings {
    /// By the network's name.
    #[serde(default)]
    pub networks: Option<BTreeMap<String, Network>>,
}

/// A container's place in a network.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    /// Its IPv4 address; nothing while it does not run.
    #[serde(rename = "IPAddress", default)]
    pub ip_address: String,
    /// The network's id. One that spans nodes has the same on all of them.
    #[serde(rename = "NetworkID", default)]
    pub network_id: String,
}

/// What a container is made of.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// What it is marked with.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether it writes to a terminal.
    #[serde(default)]
    pub tty: bool,
    /// The ports that its image says it listens at: `80/tcp`.
    #[serde(default)]
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
}

/// Something that is mounted in a container.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mount {
    /// `volume`, `bind`, `tmpfs`.
    #[serde(rename = "Type", default)]
    pub kind: String,
    /// A volume's name.
    #[serde(default)]
    pub name: String,
}

/// All containers that carry this label, those that do not run too.
///
/// # Errors
/// The daemon can't be asked.
pub async fn list(docker: &Docker, label: &str) -> Result<Vec<Listed>, DockerError> {
    let filters = serde_json::json!({ "label": [label] }).to_string();
    docker.get(&format!("/containers/json?all=1&filters={}", encoded(&filters))).await
}

/// One container.
///
/// # Errors
/// The daemon can't be asked; [`DockerError::is_absent`] where there is none.
pub async fn inspect(docker: &Docker, id: &str) -> Result<Container, DockerError> {
    docker.get(&format!("/containers/{}/json", encoded(id))).await
}

impl Container {
    /// The beginning of its id, as Docker shows it.
    pub fn short_id(&self) -> &str {
        self.id.get(..SHORT).unwrap_or(&self.id)
    }

    /// What it is marked with.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.config.labels.as_ref().unwrap_or(&NONE)
    }

    /// What a label of it says.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels().get(name).map(String::as_str)
    }

    /// Its service, and which of its containers it is.
    pub fn of_service(&self) -> Option<(&str, u32)> {
        Some((self.label(labels::SERVICE)?, self.label(labels::NUMBER)?.parse().ok()?))
    }

    /// Whether a process of it runs, or is frozen.
    pub fn runs(&self) -> bool {
        self.state.pid > 0
    }

    /// Its first process, where that is on this machine: its control group has the container's id.
    pub(crate) fn first_process(&self) -> Option<Identity> {
        let first = Some(self.state.pid).filter(|pid| *pid > 0).and_then(Identity::of)?;
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", first.pid)).ok()?;
        Some(first).filter(|_| groups.contains(&self.id))
    }

    /// Whether it did what it was made for and ended, as a migration does.
    pub fn is_done(&self) -> bool {
        self.state.status == "exited" && self.state.exit_code == 0 && !self.is_started_again()
    }

    /// Whether the daemon starts it again when its process ends.
    pub fn is_started_again(&self) -> bool {
        !matches!(self.host_config.restart_policy.name.as_str(), "" | "no")
    }

    /// Its IPv4 addresses, by the names of its networks.
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        let networks = self.network_settings.networks.iter().flatten();
        networks.filter_map(|(_, network)| network.ip_address.parse().ok()).collect()
    }

    /// The ids of its networks.
    pub fn networks(&self) -> BTreeSet<&str> {
        let networks = self.network_settings.networks.iter().flatten();
        networks.map(|(_, network)| network.network_id.as_str()).collect()
    }

    /// Whether its network is the machine's, or another container's; in words.
    pub fn borrowed_network(&self) -> Option<String> {
        borrowed(&self.host_config.network_mode, NETWORK)
    }

    /// Whether its processes are among the machine's, or another container's; in words.
    pub fn borrowed_processes(&self) -> Option<String> {
        borrowed(&self.host_config.pid_mode, PROCESSES)
    }

    /// A TCP port that something may listen at.
    pub fn tcp_port(&self) -> Option<u16> {
        let exposed = self.config.exposed_ports.iter().flatten().map(|(port, _)| port);
        let bound = self.host_config.port_bindings.iter().flatten().map(|(port, _)| port);
        exposed.chain(bound).find_map(|port| port.strip_suffix("/tcp")?.parse().ok())
    }

    /// What its health check says, where it has one.
    pub fn health(&self) -> Option<&str> {
        self.state.health.as_ref().map(|health| health.status.as_str()).filter(|status| *status != "none")
    }

    /// The last thing that its health check printed.
    pub fn health_output(&self) -> &str {
        let checks = self.state.health.as_ref().and_then(|health| health.log.as_deref()).unwrap_or_default();
        checks.last().map_or("", |check| check.output.trim())
    }

    /// How it ended, in words: `exited with 137, out of memory`.
    pub fn end(&self) -> String {
        let State { status, exit_code, oom_killed, .. } = &self.state;
        let memory = if *oom_killed { ", out of memory" } else { "" };
        match status.as_str() {
            "created" => "it was never started".into(),
            "restarting" => format!("ended with {exit_code}{memory}, and Docker starts it again"),
            status => format!("{status} with {exit_code}{memory}"),
        }
    }
}

/// Whose it is, in words, by `network_mode` or `pid` as Docker and Compose write it; `None`: its own.
pub(super) fn borrowed(mode: &str, what: &str) -> Option<String> {
    match mode.split_once(':') {
        None if mode == "host" => Some(format!("the machine's {what}")),
        Some(("container" | "service", other)) => {
            let short = other.get(..SHORT).unwrap_or(other);
            Some(format!("the {what} of {short}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn container(change: impl FnOnce(&mut Value)) -> Container {
        let mut value = json!({
            "Id": "3f9a1c2b7d5e0000", "Name": "/shop_app_2",
            "State": { "Status": "running", "Paused": false, "Pid": 212, "ExitCode": 0, "StartedAt": "2026-11-29T17:00:00Z" },
            "HostConfig": { "NetworkMode": "shop_default", "RestartPolicy": { "Name": "always" } },
            "NetworkSettings": { "Networks": { "shop_front": { "IPAddress": "172.18.0.4" }, "shop_back": { "IPAddress": "" } } },
            "Config": { "Labels": { "com.docker.compose.service": "app", "com.docker.compose.container-number": "2" } }
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_container_of_compose_says_its_service_and_number() {
        let found = container(|_| {});
        assert_eq!(found.of_service(), Some(("app", 2)));
        assert_eq!(found.short_id(), "3f9a1c2b7d5e");
        assert_eq!(found.addresses(), [Ipv4Addr::new(172, 18, 0, 4)]);
        assert!(found.runs() && found.is_started_again() && !found.is_done());
    }

    #[test]
    fn what_it_shares_with_the_machine_or_another_is_said() {
        let host = container(|value| value["HostConfig"]["NetworkMode"] = json!("host"));
        assert_eq!(host.borrowed_network().as_deref(), Some("the machine's network"));
        let other = container(|value| value["HostConfig"]["PidMode"] = json!("container:0123456789abcdef"));
        assert_eq!(other.borrowed_processes().as_deref(), Some("the process namespace of 0123456789ab"));
        assert_eq!(container(|_| {}).borrowed_network(), None);
    }

    #[test]
    fn one_that_has_ended_says_how() {
        let ended = |status: &str, code: i64, policy: &str| {
            container(|value| {
                value["State"] = json!({ "Status": status, "Paused": false, "Pid": 0, "ExitCode": code, "StartedAt": "", "OOMKilled": code == 137 });
                value["HostConfig"]["RestartPolicy"]["Name"] = json!(policy);
            })
        };
        assert!(ended("exited", 0, "no").is_done() && !ended("exited", 0, "always").is_done());
        assert_eq!(ended("exited", 137, "no").end(), "exited with 137, out of memory");
        assert_eq!(ended("restarting", 1, "always").end(), "ended with 1, and Docker starts it again");
    }
}
