//! Servers that are refused by what they answer, before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::instance::{Command, FileSpec, Output};
use anarcho_chimp::inventory::HostRemote;
use anarcho_chimp::provider::{Remote, RemoteError};
use async_trait::async_trait;

/// Answers every command so, and takes nothing.
struct Answering(&'static str);

#[async_trait]
impl Remote for Answering {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        assert!(command.argv.concat().contains("uname -m"), "{:?}", command.argv);
        Ok(Output { status: Some(0), stdout: self.0.into(), stderr: String::new() })
    }

    async fn feed(&self, command: &Command, _: Arc<[u8]>) -> Result<Output, RemoteError> {
        panic!("it was sent: {:?}", command.argv)
    }

    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        panic!("{} was sent", file.path.display())
    }

    async fn knock(&self, _: Duration) -> Result<(), RemoteError> {
        Ok(())
    }
}

async fn refusal(answer: &'static str) -> String {
    let server = HostRemote::new("web-1", Answering(answer), &Arc::default());
    Agent::new(&server).deploy(Duration::from_secs(1)).await.expect_err("it is refused").to_string()
}

#[tokio::main]
pub async fn a_server_of_another_cpu_is_refused_before_anything_is_sent() {
    let why = refusal("cpu riscv64\nloader yes\nfolder /run yes yes\nmounts\n").await;
    let ours = std::env::consts::ARCH;
    assert!(why.starts_with(&format!("web-1 has the CPU architecture riscv64, and this chimp is for {ours}")), "{why}");
    assert!(why.contains("make static"), "{why}");
}

#[tokio::main]
pub async fn a_server_that_answers_nonsense_is_refused_before_anything_is_sent() {
    let why = refusal("This account is currently not available.\n").await;
    assert!(why.starts_with("web-1: looking whether the program of the agent can run there failed: "), "{why}");
    assert!(why.contains("This account is currently not available"), "{why}");
}
