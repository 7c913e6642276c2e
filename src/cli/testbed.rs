//! `chimp up`: keeps an infrastructure up, to be attacked.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Refused;
use crate::console::complain;
use crate::exit;
use crate::infrastructure::file;
use crate::render;
use crate::testbed::SOCKET;
use crate::testbed::up::{self, UpOptions};

/// Boot an infrastructure and keep it up in the foreground, until Ctrl-C or `chimp down`; then nothing of it is left.
#[derive(Debug, Clone, Args)]
pub(super) struct Up {
    /// The infrastructure file; see `fixtures/infrastructures/` for examples.
    file: PathBuf,
    #[command(flatten)]
    testbed: Where,
    /// The folder for the logs of services. Default: in the sandbox, which takes them with it.
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// The settings that override the defaults. Default: `chimp.toml` of the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For tests of the harness: the path to a server can be cut.
    #[arg(long, hide = true)]
    for_tests: bool,
}

/// Which testbed.
#[derive(Debug, Clone, Args)]
pub(super) struct Where {
    /// The testbed's control socket.
    #[arg(long, alias = "keeper", value_name = "PATH", default_value = SOCKET)]
    pub testbed: PathBuf,
}

impl Up {
    /// Does it; returns when everything is gone.
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let settings = super::settings(self.config.as_deref())?;
        let infrastructure = file::read(&self.file)?;
        render::check_templates(&infrastructure, &settings)?;
        if let Some(missing) = render::missing_programs(&infrastructure).first() {
            complain!("chimp: {missing}");
            return Ok(ExitCode::from(exit::COULD_NOT_TELL));
        }
        let options = UpOptions {
            infrastructure,
            file: self.file.clone(),
            settings,
            socket: self.testbed.testbed.clone(),
            logs: self.logs.clone(),
            for_tests: self.for_tests,
        };
        Ok(ExitCode::from(up::up(&options).unwrap_or_else(|why| {
            complain!("chimp: {why}");
            exit::COULD_NOT_TELL
        })))
    }
}
