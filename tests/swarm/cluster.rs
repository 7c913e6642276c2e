//! A Swarm of the Docker Engines of `fixtures/docker`, with all of them as managers, and stacks on it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::support::{run, stderr, stdout};

/// Far more than anything here takes, on a machine with other things to do.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A node, whether it is in the Swarm yet or not.
pub struct Node {
    pub name: String,
    /// `unix:///run/…`
    pub host: String,
    pub address: String,
}

pub fn nodes() -> Vec<Node> {
    let [names, hosts, addresses] = ["DOCKER_NODES", "DOCKER_HOSTS", "DOCKER_ADDRESSES"].map(|variable| {
        let words = std::env::var(variable).unwrap();
        words.split_whitespace().map(String::from).collect::<Vec<_>>()
    });
    let rest = hosts.into_iter().zip(addresses);
    names.into_iter().zip(rest).map(|(name, (host, address))| Node { name, host, address }).collect()
}

impl Node {
    /// What Docker's client prints of its engine.
    pub fn docker(&self, words: &[&str]) -> String {
        let output = run(Command::new("docker").arg("--host").arg(&self.host).args(words).stdin(Stdio::null()));
        assert!(output.status.success(), "{}: docker {words:?}: {}", self.name, stderr(&output));
        stdout(&output).trim().into()
    }
}

/// What the client prints of the first node, which is a manager.
pub fn docker(words: &[&str]) -> String {
    nodes()[0].docker(words)
}

/// Makes the Swarm, unless another process has.
pub fn swarm() {
    static MADE: Once = Once::new();
    MADE.call_once(|| {
        let all = nodes();
        if all[0].docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]) == "active" {
            return;
        }
        all[0].docker(&["swarm", "init", "--advertise-addr", &all[0].address]);
        let token = all[0].docker(&["swarm", "join-token", "-q", "manager"]);
        let first = format!("{}:2377", all[0].address);
        for node in &all[1..] {
            node.docker(&["swarm", "join", "--advertise-addr", &node.address, "--token", &token, &first]);
        }
    });
}

/// A stack of `fixtures/docker/projects`, which runs until this is dropped.
pub struct Stack {
    pub name: &'static str,
}

impl Stack {
    /// It runs, with all of its tasks.
    pub fn up(name: &'static str, project: &str) -> Stack {
        swarm();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/docker/projects/{project}/stack.yml"));
        docker(&["stack", "deploy", "-c", &file.display().to_string(), name]);
        let stack = Stack { name };
        until("all tasks run", || stack.is_whole());
        stack
    }

    /// Whether every service has as many tasks as it should.
    pub fn is_whole(&self) -> bool {
        let replicas = docker(&["stack", "services", "--format", "{{.Replicas}}", self.name]);
        replicas.lines().all(|line| {
            let line = line.split_whitespace().next().unwrap_or_default();
            line.split_once('/').is_some_and(|(now, wanted)| now == wanted && wanted != "0")
        })
    }

    /// `swarm=NAME`.
    pub fn on(&self) -> String {
        format!("swarm={}", self.name)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        docker(&["stack", "rm", self.name]);
        let label = format!("label=com.docker.stack.namespace={}", self.name);
        until("its containers are gone", || {
            nodes().iter().all(|node| node.docker(&["ps", "-aq", "--filter", &label]).is_empty())
        });
    }
}

pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
