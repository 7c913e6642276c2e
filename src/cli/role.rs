//! `chimp role FILE SERVER`: what a server is made of, as the user data that a cloud is given.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Refused;
use crate::console::put;
use crate::infrastructure::file;
use crate::render::{Addresses, Secrets, cloud_config, render};
use crate::settings::Settings;

/// Print what a server is made of, as a cloud-config document with invented addresses and passwords.
#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// The infrastructure file; see `fixtures/infrastructures/` for examples.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The name of one of its servers.
    #[arg(value_name = "SERVER")]
    server: String,
    /// The settings that override the defaults. Default: `chimp.toml` of the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl RoleArgs {
    /// Prints it.
    pub(super) fn show(&self) -> Result<ExitCode, Refused> {
        let settings: Settings = super::settings(self.config.as_deref())?;
        let infrastructure = file::read(&self.file)?;
        let addresses = Addresses::imagined(&infrastructure);
        let data = render(&infrastructure, &addresses, &settings, &Secrets::imagined(), &self.server)?;
        let role = &infrastructure.roles[&infrastructure.servers[&self.server].role];
        put!("{}", cloud_config::document(&self.server, &role.packages, &data, None)?);
        Ok(ExitCode::SUCCESS)
    }
}
