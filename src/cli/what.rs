//! Which scenarios a command is about, and where they run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::{DEFAULT_CONFIG, Refused, config_in_force, drawn_seed, number, settings};
use crate::declare::DeclareOptions;
use crate::environment::{self, Access};
use crate::settings::SettingsError;
use crate::units::parse_duration;

/// Which scenarios.
#[derive(Debug, Clone, Args)]
pub(super) struct What {
    /// Feature files, or folders to search for them.
    #[arg(default_value = "features")]
    pub(super) paths: Vec<PathBuf>,
    /// Only scenarios whose tags match, for example `@pr and not @slow`.
    #[arg(long, value_name = "EXPR")]
    pub(super) tags: Option<String>,
    /// Only scenarios whose address (such as `features/card::NAME`) contains this text; may be given several times.
    #[arg(long = "name", value_name = "TEXT")]
    pub(super) names: Vec<String>,
    /// Compare names with the whole address or the scenario's whole name, not with a part of it.
    #[arg(long)]
    pub(super) exact: bool,
    /// The seed: the same one chooses the same victims. Default: drawn from the clock, and printed.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number::whole(0..=u64::MAX))]
    pub(super) seed: Option<u64>,
    /// The environment to run in, such as `local`, `inventory=FILE`, `openstack=CLOUD` or `ec2=PROFILE`. Default: `on` of `[environment]` in `chimp.toml`,
    /// else the inventory that the scenarios name, else `local`.
    #[arg(long, value_name = "NAME[=VALUE]", alias = "provider")]
    pub(super) on: Option<String>,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    /// The settings that override the defaults. Default: `chimp.toml` of the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// How long random faults strike where the step does not say, for example `2h`. Default: 10 min.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) span: Option<Duration>,
}

/// An environment, and what names it.
#[derive(Debug, Clone)]
pub(super) struct NamedBy {
    /// As it is written: `openstack=my-cloud`.
    pub(super) on: String,
    /// `--on`, or the setting; for errors.
    pub(super) whence: String,
}

impl NamedBy {
    /// The one that `--on` names, else the settings' own.
    ///
    /// # Errors
    /// The settings have mistakes.
    pub(super) fn find(on: Option<&str>, config: Option<&Path>) -> Result<Option<NamedBy>, SettingsError> {
        match on {
            Some(on) => Ok(Some(NamedBy { on: on.into(), whence: "--on".into() })),
            None => Ok(settings(config)?.environment.on.map(|on| NamedBy { on, whence: set_in(config) })),
        }
    }

    /// The same as an error about it.
    pub(super) fn refused(&self, why: impl Into<String>) -> Refused {
        Refused::Environment(self.whence.clone(), why.into())
    }
}

/// The setting that names an environment, for errors.
pub(super) fn set_in(config: Option<&Path>) -> String {
    format!("{}: `on` of `[environment]`", config.unwrap_or(Path::new(DEFAULT_CONFIG)).display())
}

/// How servers that are there already are logged in to.
#[derive(Debug, Clone, Default, Args)]
pub struct AccessArgs {
    /// Passwords of an inventory's servers: JSON, `{"web-1": "…"}`, that only its owner may read.
    #[arg(long, value_name = "FILE")]
    passwords: Option<PathBuf>,
}

impl AccessArgs {
    /// The file of passwords, if one was named.
    pub(super) fn passwords(&self) -> impl Iterator<Item = &PathBuf> {
        self.passwords.iter()
    }
}

impl From<AccessArgs> for Access {
    fn from(args: AccessArgs) -> Access {
        Access { passwords: args.passwords }
    }
}

impl What {
    /// Whether there is such an environment; the error says what named it.
    pub(super) fn check_environment(&self, named: Option<&str>) -> Result<(), Refused> {
        let Some(named) = named else { return Ok(()) };
        let whence = || if self.on.is_some() { "--on".into() } else { set_in(self.config.as_deref()) };
        environment::on(named).map(drop).map_err(|why| Refused::Environment(whence(), why))
    }

    /// What to declare.
    pub(super) fn declare_options(&self) -> Result<DeclareOptions, SettingsError> {
        let settings = settings(self.config.as_deref())?.with_span(self.span);
        Ok(DeclareOptions {
            paths: self.paths.clone(),
            tags: self.tags.clone(),
            names: self.names.clone(),
            exact: self.exact,
            seed: self.seed.unwrap_or_else(drawn_seed),
            environment: self.on.clone().or_else(|| settings.environment.on.clone()),
            access: self.access.clone().into(),
            config: config_in_force(self.config.as_deref()),
            settings,
            ..DeclareOptions::default()
        })
    }
}
