//! Which packets pass to and from each instance, where a cloud decides: security groups, by `iptables` at the bridge.
//!
//! What an instance does with its own tables changes nothing here, and what is decided here is seen by none of them. An
//! instance for which nothing was decided yet is closed, from its first packet on.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

mod policy;
mod rules;

pub use policy::{Direction, Policy, Prefix, PrefixError, Rule};

/// How long `iptables-restore` may take.
const WITHIN: Duration = Duration::from_secs(20);

/// The filter of a bridge.
#[derive(Debug, Default)]
pub(super) struct Filter {
    state: Mutex<State>,
}

/// What is decided, and where it applies.
#[derive(Debug, Default)]
struct State {
    policies: BTreeMap<String, Policy>,
    /// The bridge's interface of each instance, by the instance's name.
    ports: BTreeMap<String, String>,
    /// Instances that let nothing pass for now, whatever their policy says.
    silent: BTreeSet<String>,
}

impl Filter {
    /// Has bridged packets pass through `iptables`, in which nothing is decided yet.
    ///
    /// # Errors
    /// Where the kernel can't do this, or `iptables-restore` is missing.
    pub async fn start() -> io::Result<Filter> {
        for (name, value) in VALUES {
            std::fs::write(name, value).map_err(|why| io::Error::new(why.kind(), format!("{name}: {why}")))?;
        }
        let filter = Filter::default();
        filter.change(|_| ()).await?;
        Ok(filter)
    }

    /// Decides for all instances at once, by name: those that are not named are closed.
    ///
    /// # Errors
    /// Those of `iptables-restore`; then it is as it was before.
    pub async fn decide(&self, policies: BTreeMap<String, Policy>) -> io::Result<()> {
        self.change(|state| state.policies = policies).await
    }

    /// Names the bridge's interface of an instance, to be called before that is up.
    ///
    /// # Errors
    /// Those of `iptables-restore`; then everything would pass there.
    pub async fn bind(&self, name: &str, port: &str) -> io::Result<()> {
        self.change(|state| drop(state.ports.insert(name.into(), port.into()))).await
    }

    /// Lets nothing pass to and from an instance, or what its policy says again.
    ///
    /// # Errors
    /// Those of `iptables-restore`; then it is as it was before.
    pub async fn set_silent(&self, name: &str, is_silent: bool) -> io::Result<()> {
        if self.state.lock().await.silent.contains(name) == is_silent {
            return Ok(());
        }
        let change = |state: &mut State| match is_silent {
            true => state.silent.insert(name.into()),
            false => state.silent.remove(name),
        };
        self.change(|state| _ = change(state)).await
    }

    /// Forgets the interface of an instance that is gone.
    ///
    /// # Errors
    /// Those of `iptables-restore`.
    pub async fn forget(&self, name: &str) -> io::Result<()> {
        self.change(|state| {
            state.ports.remove(name);
            state.silent.remove(name);
        })
        .await
    }

    /// One change after the other: the whole table is replaced in one stroke.
    async fn change(&self, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state: MutexGuard<'_, State> = self.state.lock().await;
        let mut changed =
            State { policies: state.policies.clone(), ports: state.ports.clone(), silent: state.silent.clone() };
        change(&mut changed);
        restore(&rules::table(&changed), &[]).await?;
        *state = changed;
        Ok(())
    }
}

/// Bridged packets are shown to iptables; TCP is not tracked to the byte, since a segment that was lost while a path was cut
/// must not count as another connection's.
const VALUES: [(&str, &str); 2] = [
    ("/proc/sys/net/bridge/bridge-nf-call-iptables", "1"),
    ("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal", "1"),
];

/// Gives these rules to `iptables-restore`.
///
/// # Errors
/// It is missing, refuses, or takes too long.
pub(super) async fn restore(table: &str, options: &[&str]) -> io::Result<()> {
    let mut command = Command::new("iptables-restore");
    command.args(options);
    // The variants that take a lock would leave its file on the machine.
    command.env("XTABLES_LOCKFILE", super::memory().join("xtables.lock"));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let named = |why: io::Error| io::Error::new(why.kind(), format!("iptables-restore: {why}"));
    let mut child = command.spawn().map_err(named)?;
    let run = async {
        if let Some(mut input) = child.stdin.take() {
            input.write_all(table.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = timeout(WITHIN, run).await.map_err(|_| named(io::ErrorKind::TimedOut.into()))?.map_err(named)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(named(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_string()))),
    }
}
