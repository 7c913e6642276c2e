//! A stack as it is now: its services, the nodes that their tasks are on, and the containers that can be asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::members::{Members, number_of};
use crate::docker::project::{Published, Service as Group};
use crate::docker::swarm::{self, Membership, Node, Port, Service, Task};
use crate::docker::{Container, Docker, DockerError, Project, container, labels};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::environment::containers::barriers::Barriers;
use crate::environment::containers::described;
use crate::environment::containers::names::server_name;
use crate::settings::SwarmSettings;

/// A stack that is deployed.
pub(super) struct Stack {
    /// Its services and their containers, as those of a project.
    pub project: Project,
    /// Who knows its containers from now on.
    pub members: Members,
    /// What stands in the way of faults, by the server's name.
    pub barriers: BTreeMap<String, Barriers>,
    /// The containers that stand for its servers; of those whose daemon is not named, what the manager says.
    pub containers: BTreeMap<String, Container>,
    /// The tasks that should run and do not, by their servers, with how they are.
    pub waiting: BTreeMap<String, String>,
}

/// Why a stack was not found.
pub(super) enum Unfound {
    /// It is not deployed; and so what was done to it is gone.
    Gone(DocumentError),
    /// It can't be asked for, or the settings of it are wrong.
    Wrong(DocumentError),
}

impl From<DockerError> for Unfound {
    fn from(why: DockerError) -> Unfound {
        Unfound::Wrong(described(why))
    }
}

impl Unfound {
    pub fn described(self) -> DocumentError {
        match self {
            Unfound::Gone(why) | Unfound::Wrong(why) => why,
        }
    }
}

impl Stack {
    /// The stack of this name, as the manager at `docker` knows it.
    ///
    /// # Errors
    /// The daemon is no manager, knows no such stack, or is not the one that the settings of a node name.
    pub async fn find(docker: &Docker, name: &str, settings: &SwarmSettings) -> Result<Stack, Unfound> {
        let own = swarm::manager(docker).await?;
        let all = swarm::services(docker).await?;
        let services: Vec<Service> = all.iter().filter(|one| one.stack() == Some(name)).cloned().collect();
        if services.is_empty() {
            return Err(Unfound::Gone(no_stack(name, &all)));
        }
        let mut nodes = swarm::nodes(docker).await?;
        nodes.sort_by(|one, other| one.description.hostname.cmp(&other.description.hostname));
        let engines = engines(docker, &own, &nodes, settings).await?;
        let tasks = swarm::tasks(docker, &services.iter().collect::<Vec<_>>()).await?;
        let wanted: Vec<Task> = tasks.into_iter().filter(Task::is_wanted).collect();
        let members = Members::new(docker.clone(), name, &nodes, engines);
        let reading =
            Reading { name, own: &own, nodes: &nodes, services: &services, tasks: &wanted, members: &members };
        reading.none_is_scaled_to_zero(settings).map_err(Unfound::Wrong)?;
        let containers = reading.containers().await?;
        let groups = reading.groups(&containers);
        let project =
            Project { name: name.into(), services: groups, containers: containers.values().cloned().collect() };
        let barriers = reading.barriers(&project, &containers);
        let waiting = reading.waiting();
        Ok(Stack { project, members, barriers, containers, waiting })
    }
}

/// A stack while it is read.
struct Reading<'r> {
    name: &'r str,
    own: &'r Membership,
    /// In the order of their host names.
    nodes: &'r [Node],
    services: &'r [Service],
    /// Those that should run.
    tasks: &'r [Task],
    members: &'r Members,
}

impl Reading<'_> {
    fn service(&self, task: &Task) -> Option<&Service> {
        self.services.iter().find(|service| service.id == task.service_id)
    }

    fn tasks_of(&self, service: &Service) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.service_id == service.id)
    }

    fn number(&self, task: &Task) -> u32 {
        number_of(task.slot, &task.node_id, self.nodes.iter().map(|node| node.id.as_str())).unwrap_or(0)
    }

    fn server(&self, task: &Task) -> Option<String> {
        Some(server_name(self.service(task)?.name_in(self.name), self.number(task)))
    }

    fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The settings name no service that has no task.
    fn none_is_scaled_to_zero(&self, settings: &SwarmSettings) -> Result<(), DocumentError> {
        let named: BTreeSet<&String> = settings.services().named().map(|(_, service)| service).collect();
        let empty = self.services.iter().find(|service| {
            self.tasks_of(service).next().is_none() && named.iter().any(|name| *name == service.name_in(self.name))
        });
        match empty {
            None => Ok(()),
            Some(service) => {
                let detail = format!("the service `{}` is scaled to zero: it has no task", service.spec.name);
                let hint = format!("`docker service scale {}=1`, or leave it out of `[swarm]`", service.spec.name);
                Err(DocumentError::new(detail).with_hint(hint))
            }
        }
    }

    /// What runs, by the server's name.
    async fn containers(&self) -> Result<BTreeMap<String, Container>, DockerError> {
        let mut found = BTreeMap::new();
        for task in self.tasks.iter().filter(|task| task.runs()) {
            let Some((server, service)) = self.server(task).zip(self.service(task)) else { continue };
            let Some(told) = task.container(service) else { continue };
            let container = match self.members.engine_of(&task.node_id) {
                None => Some(told),
                Some(engine) => match container::inspect(engine, &told.id).await {
                    // It has ended meanwhile.
                    Err(why) if why.is_absent() => None,
                    inspected => Some(inspected?),
                },
            };
            found.extend(container.map(|container| (server, container)));
        }
        Ok(found)
    }

    fn groups(&self, containers: &BTreeMap<String, Container>) -> BTreeMap<String, Group> {
        let group = |service: &Service| {
            let name = service.name_in(self.name);
            let mut group = Group::default();
            for task in self.tasks_of(service) {
                let number = self.number(task);
                group.numbers.insert(number);
                let node = self.node(&task.node_id).map(|node| (number, node.description.hostname.clone()));
                group.nodes.extend(node);
                if let Some(container) = containers.get(&server_name(name, number)) {
                    group.borrowed_network = container.borrowed_network();
                    group.borrowed_processes = container.borrowed_processes();
                }
            }
            let ports = service.endpoint.ports.iter().flatten().filter(|port| port.protocol == "tcp");
            let published: Vec<Published> = ports.flat_map(|port| self.published(service, port)).collect();
            group.published = published;
            (name.to_string(), group)
        };
        let with_tasks = self.services.iter().filter(|service| self.tasks_of(service).next().is_some());
        with_tasks.map(group).collect()
    }

    /// At every node, of which the manager's own stands for all; or at those that have a task.
    fn published(&self, service: &Service, port: &Port) -> Vec<Published> {
        let host_port = Some(port.published_port).filter(|port| *port > 0);
        let at = |host_ip: &str| Published { port: port.target_port, host_ip: host_ip.into(), host_port };
        if port.publish_mode != "host" {
            return vec![at(&self.own.node_addr)];
        }
        let address = |node: &str| match self.node(node).map(|node| node.status.addr.as_str()) {
            // A manager may not know by which address others reach it.
            Some("" | "0.0.0.0" | "127.0.0.1") | None => self.own.node_addr.as_str(),
            Some(address) => address,
        };
        self.tasks_of(service).map(|task| at(address(&task.node_id))).collect()
    }

    fn barriers(&self, project: &Project, containers: &BTreeMap<String, Container>) -> BTreeMap<String, Barriers> {
        let mut barriers = Barriers::of(project);
        for task in self.tasks {
            let Some((server, node)) = self.server(task).zip(self.node(&task.node_id)) else { continue };
            let host = &node.description.hostname;
            let found = containers.get(&server);
            let own = barriers.entry(server).or_default();
            if self.members.engine_of(&task.node_id).is_none() {
                own.anything = Some(unnamed(host));
            } else if found.is_some_and(|found| found.runs() && found.first_process().is_none()) {
                own.elsewhere = Some(elsewhere(host));
            }
        }
        barriers
    }

    fn waiting(&self) -> BTreeMap<String, String> {
        let how = |task: &Task| {
            let why = if task.status.err.is_empty() { String::new() } else { format!(": {}", task.status.err) };
            Some((self.server(task)?, format!("its task is {}{why}", task.status.state)))
        };
        self.tasks.iter().filter(|task| !task.runs()).filter_map(how).collect()
    }
}

/// What to write for a node.
fn nodes_line(node: &str) -> String {
    format!("`nodes = {{ {node} = \"unix:///run/{node}.sock\" }}`")
}

fn unnamed(node: &str) -> String {
    format!(
        "its task is on {node}, and where the Docker Engine of that node answers was not said\n  help: forward its socket, \
         `ssh -L /run/{node}.sock:/var/run/docker.sock {node}`, and write under `[swarm]` of chimp.toml: {}",
        nodes_line(node)
    )
}

fn elsewhere(node: &str) -> String {
    format!(
        "its processes are on {node}, and faults in a container are made from the machine that runs it\n  help: `dies` and `hangs` \
         need no more than its Docker Engine; run `chimp` on {node} for others"
    )
}

fn no_stack(name: &str, all: &[Service]) -> DocumentError {
    let stacks: BTreeSet<&str> = all.iter().filter_map(Service::stack).collect();
    let deploy = "deploy it: `docker stack deploy -c FILE NAME`";
    let named = if name.is_empty() { "nothing says which stack".into() } else { format!("there is no stack `{name}`") };
    let hint = match stacks.is_empty() {
        true => format!("this Swarm has none; {deploy}"),
        false => format!("{}; or {deploy}", one_of(name, "stacks", stacks.into_iter())),
    };
    DocumentError::new(named).with_hint(hint)
}

/// The Docker Engine of each node that is known, by the node's id.
async fn engines(
    docker: &Docker,
    own: &Membership,
    nodes: &[Node],
    settings: &SwarmSettings,
) -> Result<BTreeMap<String, Docker>, Unfound> {
    let mut engines = BTreeMap::from([(own.node_id.clone(), docker.clone())]);
    for (host, at) in &settings.nodes {
        let wrong = |detail: String, hint: String| {
            Unfound::Wrong(DocumentError::new(format!("`swarm.nodes`: {detail}")).with_hint(hint))
        };
        let Some(node) = nodes.iter().find(|node| node.description.hostname == *host) else {
            let known = nodes.iter().map(|node| node.description.hostname.as_str());
            return Err(wrong(format!("the Swarm has no node `{host}`"), one_of(host, "nodes", known)));
        };
        let Some(socket) = at.strip_prefix("unix://") else {
            let hint = format!(
                "forward its socket, `ssh -L /run/{host}.sock:/var/run/docker.sock {host}`: {}",
                nodes_line(host)
            );
            return Err(wrong(format!("{host} is {at:?}, and a socket of this machine is expected"), hint));
        };
        let engine = Docker::at(Path::new(socket));
        let found = swarm::membership(&engine).await.map_err(|why| {
            let (why, hint) =
                (why.to_string(), "is it forwarded: `ssh -L SOCKET:/var/run/docker.sock HOST`?".to_string());
            wrong(format!("{host}: {}", why.lines().next().unwrap_or_default()), hint)
        })?;
        if found.node_id != node.id {
            let other = nodes.iter().find(|node| node.id == found.node_id);
            let other = other.map_or("no node of this Swarm", |node| node.description.hostname.as_str());
            return Err(wrong(
                format!("the Docker Engine at {socket} is that of {other}, not of {host}"),
                "name its own".into(),
            ));
        }
        engines.insert(node.id.clone(), engine);
    }
    Ok(engines)
}

/// Whether containers can send to each other by their own addresses: they have a network in common.
pub(super) fn share_a_network(one: &Container, other: &Container) -> bool {
    one.networks().intersection(&other.networks()).any(|id| !id.is_empty())
}

/// Why servers can't be cut off from one another, with what to do.
pub(super) fn inseparable(one: &str, other: &str) -> String {
    format!(
        "{one} and {other} have no network in common: what they send to each other goes through ports of their nodes, and is not known by their own addresses\n  \
         help: give their services an overlay network, or cut one off from all: `loses network`"
    )
}

/// The label that all of a stack have.
pub(super) fn label(stack: &str) -> String {
    format!("{}={stack}", labels::STACK)
}
