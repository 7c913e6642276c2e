//! On a server that has no libc of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::upload::Source;
use anarcho_chimp::agent::{Order, StrikeId};
use anarcho_chimp::instance::{Command, FileSpec, Output};
use anarcho_chimp::inventory::HostRemote;
use anarcho_chimp::provider::{Remote, RemoteError};
use async_trait::async_trait;

use crate::bare_root::{BareRoot, Inside};
use crate::kept::{LIMIT, until};
use crate::{BUSYBOX, STATIC};

fn source(file: &str) -> Arc<Source> {
    Arc::new(Source::of(Some(PathBuf::from(file))))
}

async fn shell(remote: &dyn Remote, line: &str) -> String {
    let output = remote.exec(&Command::new(["sh", "-c", line])).await.unwrap();
    assert_eq!(output.status, Some(0), "{line}: {}", output.stderr);
    output.stdout.trim().to_string()
}

/// Deploys, which must be refused, and says why.
async fn refusal(remote: impl Remote + 'static, source: &Arc<Source>) -> String {
    let server = HostRemote::new("bare-1", remote, source);
    Agent::new(&server).deploy(LIMIT).await.expect_err("it can't run there").to_string()
}

#[tokio::main]
pub async fn a_dynamic_program_is_refused_before_anything_is_touched_where_there_is_no_libc() {
    let root = BareRoot::boot("upload-dynamic");
    let before = root.files();
    let why = refusal(root.remote(), &Arc::default()).await;
    assert!(why.starts_with("bare-1 has no /lib64/ld-linux-x86-64.so.2, which this chimp needs to start"), "{why}");
    assert!(why.contains("nothing was put on the server") && why.contains("run `make static`"), "{why}");
    assert_eq!(root.files(), before);
}

/// busybox is a static program, but no agent.
#[tokio::main]
pub async fn a_program_that_does_not_start_is_removed_again() {
    let root = BareRoot::boot("upload-no-agent");
    let before = root.files();
    let why = refusal(root.remote(), &source(BUSYBOX)).await;
    assert!(why.starts_with("the program of the agent does not start on bare-1, and was removed again: "), "{why}");
    assert!(why.contains("applet not found"), "{why}");
    assert_eq!(root.files(), before);
}

/// Sends half of what it should, as a client that is killed.
struct Interrupted(Inside);

#[async_trait]
impl Remote for Interrupted {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        self.0.exec(command).await
    }

    async fn feed(&self, command: &Command, input: Arc<[u8]>) -> Result<Output, RemoteError> {
        self.0.feed(command, input[..input.len() / 2].into()).await
    }

    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        self.0.upload(file).await
    }

    async fn knock(&self, timeout: Duration) -> Result<(), RemoteError> {
        self.0.knock(timeout).await
    }
}

#[tokio::main]
pub async fn a_program_that_does_not_arrive_whole_is_removed_again() {
    let root = BareRoot::boot("upload-torn");
    let before = root.files();
    let why = refusal(Interrupted(root.remote()), &source(BUSYBOX)).await;
    assert!(why.contains("only a part of it arrived"), "{why}");
    assert_eq!(root.files(), before);
}

#[tokio::main]
pub async fn a_server_where_no_program_may_run_is_refused_before_anything_is_touched() {
    let root = BareRoot::boot("upload-noexec");
    shell(&root.remote(), "mkdir /run /opt && mount -t tmpfs -o noexec none /run && mount -t tmpfs -o ro none /opt")
        .await;
    let before = root.files();
    let why = refusal(root.remote(), &source(BUSYBOX)).await;
    assert!(why.contains("/run is mounted noexec, /opt is mounted read-only; nothing was put on the server"), "{why}");
    assert_eq!(shell(&root.remote(), "ls -A /run").await, "");
    assert_eq!(root.files(), before);
}

/// A process to be stopped.
async fn start_victim(remote: &dyn Remote) -> Order {
    shell(remote, "printf '#!/bin/sh\\nwhile :; do sleep 3600; done\\n' >/bin/victim && chmod +x /bin/victim").await;
    shell(remote, "victim >/dev/null 2>&1 </dev/null & until grep -qsx victim /proc/[0-9]*/comm; do sleep 0.1; done")
        .await;
    let (id, effect) = (StrikeId("bare.1".into()), Effect::StopProcess { process: "victim".into() });
    let address = "127.0.0.1".parse().unwrap();
    Order { id, effect, lease: LIMIT, lasts: None, address, heals_nothing: false, ends_early: false }
}

async fn strike(agent: &Agent<'_>, order: &Order) {
    agent.arm(order).await.unwrap();
    assert!(!agent.observe(order).await.unwrap().in_force);
    agent.inject(&order.id).await.unwrap();
    assert!(agent.observe(order).await.unwrap().in_force);
}

#[tokio::main]
pub async fn a_static_program_holds_and_heals_a_fault_where_there_is_no_libc_and_is_removed() {
    let root = BareRoot::boot("upload-static");
    let order = start_victim(&root.remote()).await;
    let before = root.files();
    let server = HostRemote::new("bare-1", root.remote(), &source(STATIC));
    let agent = Agent::new(&server);
    agent.deploy(LIMIT).await.unwrap();
    strike(&agent, &order).await;
    assert_eq!(agent.held().await.unwrap().len(), 1);
    assert!(agent.heal(&order.id).await.unwrap().is_some());
    assert!(!agent.observe(&order).await.unwrap().in_force);
    server.leave().await.unwrap();
    assert_eq!(root.files(), before, "the folders above it are gone too");
    assert_eq!(shell(&root.remote(), "grep -ls __agen[t] /proc/[0-9]*/cmdline || :").await, "");
}

#[tokio::main]
pub async fn a_static_program_outlives_its_run_only_until_its_last_holder_has_healed() {
    let root = BareRoot::boot("upload-holder");
    let mut order = start_victim(&root.remote()).await;
    order.lease = Duration::from_secs(3);
    let before = root.files();
    let server = HostRemote::new("bare-1", root.remote(), &source(STATIC));
    let agent = Agent::new(&server);
    strike(&agent, &order).await;
    server.leave().await.unwrap();
    assert!(root.folder.path().join("run/anarcho-chimp/bare.1").exists(), "its lease runs");
    assert_ne!(root.files(), before);
    until("the holder heals and the program goes", || (root.files() == before).then_some(()));
    let state = shell(&root.remote(), "cat $(grep -lsx victim /proc/[0-9]*/comm | sed s/comm/stat/)").await;
    assert!(state.contains(") S "), "{state}");
}
