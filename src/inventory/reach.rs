//! Whether servers can be attacked over SSH: asked of all side by side, before anything is done to any of them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use super::{Host, InventoryCloud};
use crate::instance::{Command, InstanceId, Output};
use crate::provider::{ProviderError, Remote};

/// How long one server may take to say who logged in.
const ASK: Duration = Duration::from_secs(10);

impl InventoryCloud {
    /// As [`Provider::reach`](crate::provider::Provider::reach).
    pub(super) async fn reach_each(&self, servers: &BTreeSet<String>) -> Result<(), ProviderError> {
        let asked = join_all(servers.iter().map(|server| self.reach_one(server))).await;
        ProviderError::of_all(asked.into_iter().filter_map(Result::err))
    }

    async fn reach_one(&self, server: &str) -> Result<(), ProviderError> {
        let host = self.allowed(&InstanceId(server.into()))?;
        self.ways.can_log_in(server, host)?;
        let way = self.ways.to(server, host).await?;
        let Some(remote) = &way.remote else { return self.ways.can_log_in(server, host) };
        let mut command = Command::new(["sh", "-c", "id -u"]);
        command.timeout = ASK;
        let output = remote.exec(&command).await.map_err(|why| self.ways.failed(server, host, why))?;
        judged(&host.ssh.user, &output).map_err(|detail| self.ways.unreached(server, host, detail))?;
        remote.check_program().await.map_err(|why| self.ways.failed(server, host, why))
    }

    /// The servers that were opted in.
    pub(super) fn allowed(&self, id: &InstanceId) -> Result<&Host, ProviderError> {
        let hosts = &self.ways.inventory.hosts;
        let host = hosts.get(&id.0).ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        if host.allowed { Ok(host) } else { Err(ProviderError::NotAllowed(id.0.clone())) }
    }
}

/// Whether the user has root's rights there.
fn judged(user: &str, output: &Output) -> Result<(), String> {
    let mut lines = output.stdout.lines().map(str::trim);
    let (Some(0), Some(id)) = (output.status, lines.next().filter(|id| id.parse::<u32>().is_ok())) else {
        let (out, err) = (output.stdout.trim(), output.stderr.trim());
        return Err(format!(
            "user {user} logs in, but `id -u` did not print a user id: {:?}; the login shell must run commands",
            format!("{out}{err}")
        ));
    };
    if id != "0" {
        return Err(format!(
            "user {user} is not root there (user id {id}), and faults need root's rights: log in as root; sudo is not supported"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: i32, stdout: &str) -> Result<(), String> {
        judged("admin", &Output { status: Some(status), stdout: stdout.into(), stderr: String::new() })
    }

    #[test]
    fn only_root_is_of_use() {
        assert_eq!(told(0, "0\n"), Ok(()));
        assert!(told(0, "1000\n").unwrap_err().contains("user admin is not root there (user id 1000)"));
        for output in [(0, "This account is not available.\n"), (1, "0\n"), (0, "")] {
            assert!(told(output.0, output.1).unwrap_err().contains("did not print a user id"), "{output:?}");
        }
    }
}
