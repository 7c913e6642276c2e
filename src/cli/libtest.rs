//! The arguments of the `chaos` test target: our own and libtest's, so that `cargo test` and `cargo nextest` may
//! pass them to every target alike.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::config_in_force;
use crate::declare::{DeclareError, DeclareOptions, address, addresses, declare};
use crate::environment;
use crate::plan::ScenarioPlan;
use crate::settings::Settings;
use crate::units::parse_duration;

/// What runs where neither tags, an exact name, `--ignored` nor `--include-ignored` are asked for: the long ones have a
/// command of their own.
pub const DEFAULT_TAGS: &str = "not @nightly and not @slow";
/// Those that libtest would call ignored.
const IGNORED_TAGS: &str = "@nightly or @slow";

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
    /// List the scenarios instead of running them, also those tagged @nightly or @slow
    #[arg(long)]
    pub list: bool,
    /// The format of `--list`: `terse` leaves out the count
    #[arg(long, value_name = "pretty|terse|json", default_value = "pretty")]
    pub format: String,
    /// Only the ignored scenarios, tagged @nightly or @slow; with `--list`, also those that would be skipped on this machine
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
        DeclareOptions {
            paths: if self.features.is_empty() { features.to_vec() } else { self.features.clone() },
            tags: self.tags_in_force(),
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

    /// As with libtest, a list has what is ignored, too, and an exact name runs whatever has it.
    fn tags_in_force(&self) -> Option<String> {
        let asked = self.tags.clone();
        match self.ignored {
            _ if self.list || self.exact || self.include_ignored => asked,
            true => Some(asked.map_or(IGNORED_TAGS.into(), |tags| both(&tags, IGNORED_TAGS))),
            false => asked.or_else(|| Some(DEFAULT_TAGS.into())),
        }
    }

    /// Whether a run would have nothing to do because nothing is ignored, which is no mistake where no tags are asked for.
    pub fn ignores_nothing(&self, options: &DeclareOptions) -> bool {
        self.ignored && !self.exact && self.tags.is_none() && matches!(found(options), Ok(found) if found.is_empty())
    }

    /// What `--list` prints: `<address>: test` a line, as `cargo nextest` reads it; with `--ignored`, of the scenarios that are ignored.
    ///
    /// # Errors
    /// Those of [`addresses`] but for an empty list, which is none.
    pub fn listing(&self, options: &DeclareOptions) -> Result<String, DeclareError> {
        let mut addresses = found(options)?;
        if self.ignored {
            let ignored = ignored(options, std::env::var_os("CI").is_some_and(|value| value == "true"))?;
            addresses.retain(|address| ignored.contains(address));
        }
        let mut text: String = addresses.iter().map(|address| format!("{address}: test\n")).collect();
        if self.format != "terse" {
            text.push_str(&format!("\n{} tests, 0 benchmarks\n", addresses.len()));
        }
        Ok(text)
    }
}

fn both(one: &str, other: &str) -> String {
    format!("({one}) and ({other})")
}

/// The addresses of what these options select, which may be nothing.
fn found(options: &DeclareOptions) -> Result<Vec<String>, DeclareError> {
    match addresses(options) {
        Err(DeclareError::Nothing(_) | DeclareError::NothingNamed(_)) => Ok(Vec::new()),
        other => other,
    }
}

/// Those that are ignored: the long ones, and those that would be skipped here. In CI nothing essential may be left out, so these count
/// as tests there, and fail.
fn ignored(options: &DeclareOptions, in_ci: bool) -> Result<BTreeSet<String>, DeclareError> {
    let tags = options.tags.as_ref().map_or(IGNORED_TAGS.into(), |tags| both(tags, IGNORED_TAGS));
    let long = found(&DeclareOptions { tags: Some(tags), ..options.clone() })?;
    let lacking = if in_ci { Vec::new() } else { skipped(options) };
    Ok(long.into_iter().chain(lacking).collect())
}

/// The addresses of what would be skipped on this machine. Mistakes in features show when they are run.
fn skipped(options: &DeclareOptions) -> Vec<String> {
    let Ok(plan) = declare(options) else { return Vec::new() };
    let Ok(on) = environment::on(&plan.environment) else { return Vec::new() };
    let skips = environment::unable(on.kind, &plan);
    let is_skipped = |scenario: &&ScenarioPlan| skips.iter().any(|(index, _)| *index == scenario.index);
    plan.scenarios.iter().filter(is_skipped).map(address).collect()
}
