//! `chimp hypervisor`: boots servers as a cloud asks for them; for tests of the harness.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Refused;
use crate::console::complain;
use crate::exit;
use crate::testbed::hypervisor::{self, HypervisorOptions};

/// Boot servers as a cloud asks for them over a socket, until Ctrl-C or `chimp down --testbed`; then nothing is left.
#[derive(Debug, Clone, Args)]
pub(super) struct Hypervisor {
    /// Where it listens.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The folder for the logs of servers. Default: in the sandbox, which takes them with it.
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// The name of a link to the servers, made in this network namespace. Default: they are reached from the sandbox alone.
    #[arg(long, value_name = "NAME")]
    uplink: Option<String>,
}

impl Hypervisor {
    /// Does it; returns when everything is gone.
    pub(super) fn run(self) -> Result<ExitCode, Refused> {
        let options = HypervisorOptions { socket: self.socket, logs: self.logs, uplink: self.uplink };
        Ok(ExitCode::from(hypervisor::run(&options).unwrap_or_else(|why| {
            complain!("chimp: {why}");
            exit::COULD_NOT_TELL
        })))
    }
}
