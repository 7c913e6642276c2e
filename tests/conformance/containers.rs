//! Three containers that are alike, of a Compose project or of a stack, which run while they are looked at.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cluster::{Stack, nodes};
use crate::support::{run, stderr};

/// The containers. They end with this.
pub enum Containers {
    Project(Project),
    Stack(Stack),
}

impl Containers {
    /// Of an environment whose servers are containers.
    pub fn up(environment: &str) -> Option<Containers> {
        match environment {
            "compose" => Some(Containers::Project(Project::up())),
            "swarm" => Some(Containers::Stack(Stack::up("three", "three-tasks"))),
            _ => None,
        }
    }

    /// The environment.
    pub fn name(&self) -> &'static str {
        match self {
            Containers::Project(_) => "compose",
            Containers::Stack(_) => "swarm",
        }
    }

    /// As a journal stores it.
    pub fn place(&self) -> Value {
        let socket = std::env::var("DOCKER_HOST").unwrap();
        let socket = socket.strip_prefix("unix://").unwrap();
        match self {
            Containers::Project(project) => {
                json!({ "socket": socket, "file": project.file, "project": "three", "settings": { "attack": ["web"] } })
            }
            Containers::Stack(stack) => {
                json!({ "socket": socket, "stack": stack.name, "settings": { "attack": ["web"], "nodes": engines() } })
            }
        }
    }

    /// As `--on` names it.
    pub fn on(&self) -> String {
        match self {
            Containers::Project(project) => format!("compose={}", project.file.display()),
            Containers::Stack(stack) => stack.on(),
        }
    }

    /// `chimp.toml` that lets them be attacked.
    pub fn settings(&self) -> String {
        let attack = format!("[{}]\nattack = [\"web\"]\n", self.name());
        match self {
            Containers::Project(_) => attack,
            Containers::Stack(_) => {
                let named = nodes().into_iter().map(|node| format!("{} = \"{}\"\n", node.name, node.host));
                attack + "[swarm.nodes]\n" + &named.collect::<String>()
            }
        }
    }
}

/// Where the Docker Engines of all nodes answer.
fn engines() -> Value {
    nodes().into_iter().map(|node| (node.name, Value::from(node.host))).collect()
}

/// A Compose project of three servers.
pub struct Project {
    file: PathBuf,
}

impl Project {
    fn up() -> Project {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/docker/projects/three/docker-compose.yml");
        let project = Project { file };
        project.compose(&["up", "-d"]);
        project
    }

    fn compose(&self, words: &[&str]) {
        let output = run(Command::new("docker-compose").arg("-f").arg(&self.file).args(words));
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.compose(&["down", "-t", "0"]);
    }
}
