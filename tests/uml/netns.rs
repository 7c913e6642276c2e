//! The guest's victim: a network namespace at the other end of a veth, and a way to run commands there.

use std::net::Ipv4Addr;
use std::process::Command as Program;

use anarcho_chimp::instance::{Command, FileSpec, Output};
use anarcho_chimp::provider::{Remote, RemoteError};
use std::time::Duration;

use async_trait::async_trait;

pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

/// The victim's namespace.
pub struct Victim;

impl Victim {
    /// Makes it, once a guest.
    pub fn make() -> Result<Victim, String> {
        let lines = [
            "ip link set lo up",
            "ip netns add victim",
            "ip link add wire type veth peer name eth0 netns victim",
            "ip address add 198.18.0.1/24 dev wire",
            "ip link set wire up",
            "ip -n victim address add 198.18.0.2/24 dev eth0",
            "ip -n victim link set lo up",
            "ip -n victim link set eth0 up",
        ];
        lines.iter().try_for_each(|line| run(line).map(drop))?;
        Ok(Victim)
    }
}

/// Runs a program to its end; what it printed.
pub fn run(line: &str) -> Result<String, String> {
    let mut words = line.split(' ');
    let mut program = Program::new(words.next().unwrap_or_default());
    // The kernel gives its first process a shorter one.
    let output = program.args(words).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output();
    let output = output.map_err(|why| format!("`{line}`: {why}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("`{line}`: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}

#[async_trait]
impl Remote for Victim {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        let broken =
            |detail: String| RemoteError::Broken { host: "victim".into(), command: command.argv.join(" "), detail };
        let mut program = tokio::process::Command::new("ip");
        program.args(["netns", "exec", "victim"]).args(&command.argv).kill_on_drop(true);
        match tokio::time::timeout(command.timeout, program.output()).await {
            Err(_) => Err(broken(format!("not over within {:?}", command.timeout))),
            Ok(Err(why)) => Err(broken(why.to_string())),
            Ok(Ok(output)) => Ok(Output {
                status: output.status.code(),
                stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            }),
        }
    }

    /// Nothing needs it here: the agent's program is in its place already.
    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        let detail = "the guest's files can't be written".to_string();
        Err(RemoteError::Broken { host: "victim".into(), command: file.path.display().to_string(), detail })
    }

    /// Nothing asks for it: no fault here cuts the way to the victim.
    async fn knock(&self, _timeout: Duration) -> Result<(), RemoteError> {
        Ok(())
    }
}
