//! The arguments of the `chaos` test target: our own and libtest's, so that `cargo test` and `cargo nextest` may
//! pass them to every target alike.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::config_in_force;
use crate::declare::{DeclareError, DeclareOptions, addresses};
use crate::settings::Settings;
use crate::units::parse_duration;

/// What runs where neither tags, an exact name nor `--include-ignored` are asked for: the long ones have a command of
/// their own.
pub const DEFAULT_TAGS: &str = "not @nightly and not @slow";

/// `cargo test --test chaos -- [NAME…] [OPTIONS]`
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "chaos", disable_version_flag = true, args_override_self = true)]
pub struct ChaosArgs {
    /// Only scenarios whose address (such as `features/card::NAME`) contains one of these
    pub names: Vec<String>,
    /// Only scenarios whose tags match, for example `@pr and not @slow`
    #[arg(long, value_name = "EXPR")]
    pub tags: Option<String>,
    /// The seed: the same one chooses the same victims
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = crate::cli::number::whole(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// The folder for bundles: each run gets `DIR/<run-id>`, and `DIR/latest` links to the last one
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The environment to run in, such as `local` or `inventory=FILE`; default: `on` of `[environment]` in `chimp.toml`,
    /// else the inventory that the scenarios name, else `local`
    #[arg(long, value_name = "NAME[=VALUE]", alias = "provider")]
    pub on: Option<String>,
    /// How servers that are there already are logged in to
    #[command(flatten)]
    pub access: crate::cli::AccessArgs,
    /// The settings that override the defaults; default: `chimp.toml` of the working directory, if there is one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long random faults strike where the step does not say, for example `2h`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub span: Option<Duration>,
    /// A feature file or a folder of them, instead of those that the target names
    #[arg(long = "features", value_name = "PATH")]
    pub features: Vec<PathBuf>,
    /// Compare names with the whole address or the scenario's whole name, not with a part of it
    #[arg(long)]
    pub exact: bool,
    /// Leave out the scenarios whose address contains this
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// List the scenarios instead of running them
    #[arg(long)]
    pub list: bool,
    /// The format of `--list`: `terse` leaves out the count
    #[arg(long, value_name = "pretty|terse|json", default_value = "pretty")]
    pub format: String,
    /// List or run only ignored scenarios: there are none
    #[arg(long)]
    pub ignored: bool,
    /// Include the scenarios tagged @nightly or @slow
    #[arg(long = "include-ignored")]
    pub include_ignored: bool,
    /// How scenarios are run
    #[command(flatten)]
    pub how: crate::cli::How,
    /// What is logged, and where
    #[command(flatten)]
    pub log: crate::log::LogArgs,
    /// Options of libtest that are accepted and have no effect
    #[command(flatten)]
    pub accepted: Accepted,
}

/// libtest's options that mean nothing here: scenarios capture nothing and have their own `--jobs`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Accepted {
    #[arg(long, alias = "no-capture", hide = true)]
    nocapture: bool,
    #[arg(long = "show-output", hide = true)]
    show_output: bool,
    #[arg(short = 'q', long, hide = true)]
    quiet: bool,
    #[arg(long = "report-time", hide = true)]
    report_time: bool,
    #[arg(long = "ensure-time", hide = true)]
    ensure_time: bool,
    #[arg(long, hide = true)]
    test: bool,
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    shuffle: bool,
    #[arg(long = "shuffle-seed", hide = true)]
    shuffle_seed: Option<u64>,
    #[arg(long = "exclude-should-panic", hide = true)]
    exclude_should_panic: bool,
    #[arg(long = "test-threads", hide = true)]
    test_threads: Option<usize>,
    #[arg(long, hide = true)]
    color: Option<String>,
    #[arg(long, hide = true)]
    logfile: Option<PathBuf>,
    #[arg(short = 'Z', hide = true)]
    unstable: Vec<String>,
}

impl ChaosArgs {
    /// What to declare. `features` are the target's own paths; `seed` is for a run that names none.
    pub fn declare_options(&self, features: &[PathBuf], seed: u64, settings: Settings) -> DeclareOptions {
        let default = (!self.exact && !self.include_ignored).then(|| DEFAULT_TAGS.to_string());
        DeclareOptions {
            paths: if self.features.is_empty() { features.to_vec() } else { self.features.clone() },
            tags: self.tags.clone().or(default),
            names: self.names.clone(),
            exact: self.exact,
            skip: self.skip.clone(),
            seed: self.seed.unwrap_or(seed),
            environment: self.on.clone().or_else(|| settings.environment.on.clone()),
            access: self.access.clone().into(),
            config: config_in_force(self.config.as_deref()),
            settings,
        }
    }

    /// What `--list` prints: `<address>: test` a line, as `cargo nextest` reads it.
    ///
    /// # Errors
    /// Those of [`addresses`] but for an empty list, which is none.
    pub fn listing(&self, options: &DeclareOptions) -> Result<String, DeclareError> {
        let addresses = match addresses(options) {
            _ if self.ignored => Vec::new(),
            Err(DeclareError::Nothing(_) | DeclareError::NothingNamed(_)) => Vec::new(),
            other => other?,
        };
        let mut text: String = addresses.iter().map(|address| format!("{address}: test\n")).collect();
        if self.format != "terse" {
            text.push_str(&format!("\n{} tests, 0 benchmarks\n", addresses.len()));
        }
        Ok(text)
    }
}
