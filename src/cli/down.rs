//! `chimp down`: takes away what runs and attacks have left.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::what::NamedBy;
use super::{AccessArgs, Refused, settings};
use crate::agent::sweep::Swept;
use crate::attack::AttackError;
use crate::console::{complain, say};
use crate::environment::{self, Access, On, Runs, Sweep};
use crate::exit;
use crate::provider::ProviderError;
use crate::testbed::{SOCKET, Testbed};
use crate::units::{parse_duration, show_duration};

/// End the testbed that `chimp up` started, and wait until nothing of it is left; with `--on`, take away what runs and attacks
/// left in another environment.
///
/// In a cloud, what runs left is found by the marks that it carries. On OpenStack that is servers, ports, security groups and floating IPs; on EC2,
/// instances, Auto Scaling groups, launch templates, network interfaces, security groups and Elastic IPs. `--run` or `--all` says which runs. A server that is locked,
/// or protected from termination, is left with what it uses.
///
/// On an inventory, every fault that chimp holds on a server that may be attacked is undone, also one of a run that is still
/// under way, and uploaded programs that no run uses are removed. Faults of a server's power are in the journal: `chimp heal`.
#[derive(Debug, Clone, Args)]
pub(super) struct Down {
    /// The testbed's control socket.
    #[arg(long, alias = "keeper", value_name = "PATH")]
    testbed: Option<PathBuf>,
    /// The environment, such as `inventory=FILE`, `openstack=CLOUD` or `testbed=SOCKET`. Default: `on` of `[environment]` in `chimp.toml`,
    /// else the testbed at the socket at which `chimp up` listens by default.
    #[arg(long, value_name = "NAME[=VALUE]", conflicts_with = "testbed")]
    on: Option<String>,
    /// Print what is there and change nothing. Where a fault may be held and no program is left on the server to ask, one is put there for the
    /// look.
    #[arg(long)]
    dry_run: bool,
    /// Where what runs made carries their marks: the run, by its id, which is the name of its folder in `reports`. It may be
    /// still under way, and then loses its servers.
    #[arg(long, value_name = "RUN", conflicts_with = "all")]
    run: Option<String>,
    /// The same for all runs that have made nothing for as long as `--older-than` says.
    #[arg(long, requires = "older_than")]
    all: bool,
    /// How long ago a run must have made something for the last time, by the cloud's clock, such as `2h`.
    #[arg(long, value_name = "DURATION", requires = "all", value_parser = parse_duration)]
    older_than: Option<Duration>,
    /// The settings that override the defaults. Default: `chimp.toml` of the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
}

impl Down {
    /// Does it; returns when it is done.
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let named = match &self.testbed {
            Some(_) => None,
            None => NamedBy::find(self.on.as_deref(), self.config.as_deref())?,
        };
        if let Some(named) = named {
            let on = environment::on(&named.on).map_err(|why| named.refused(why))?;
            if self.on.is_none() && on.kind.name() == "local" {
                complain!("note: {} names `local`; a testbed is ended by `chimp down --on testbed`", named.whence);
            }
            return match self.runs() {
                Some(runs) => self.sweep(&on, &runs),
                None => self.take_down(&on),
            };
        }
        if self.dry_run || self.run.is_some() || self.all {
            let why =
                "nothing names the environment, and `--dry-run`, `--run` and `--all` look for what is left in one";
            let help = "name it: `--on NAME[=VALUE]`, or `on` of `[environment]` in `chimp.toml`";
            return Err(Refused::Environment("--on".into(), format!("{why}\n  help: {help}")));
        }
        let socket = self.testbed.as_deref().unwrap_or(Path::new(SOCKET));
        Ok(match Testbed::at(socket).down() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => could_not_tell(&why),
        })
    }

    fn runs(&self) -> Option<Runs> {
        let one = self.run.clone().map(Runs::One);
        one.or_else(|| self.older_than.filter(|_| self.all).map(Runs::OlderThan))
    }

    fn sweep(&self, on: &On, runs: &Runs) -> Result<ExitCode, Refused> {
        let settings = settings(self.config.as_deref())?;
        let swept = on.kind.sweep(&on.value, runs, &settings, self.dry_run);
        Ok(match swept.map_err(AttackError::from) {
            Ok(swept) => ExitCode::from(self.show_sweep(on.kind.name(), &swept)),
            Err(why @ AttackError::Usage(_)) => return Err(why.into()),
            Err(why) => could_not_tell(&why),
        })
    }

    /// Says what was found and what became of it; the exit code that it asks for.
    fn show_sweep(&self, environment: &str, swept: &Sweep) -> u8 {
        let removed = if self.dry_run { "is there" } else { "removed" };
        for thing in &swept.removed {
            say!("{removed}: {thing}");
        }
        for (run, age) in &swept.younger {
            match age {
                Some(age) => say!("left out: the run {run}, which made something {} ago", show_duration(*age)),
                None => say!("left out: the run {run}; the cloud does not say when it made something"),
            }
        }
        for (thing, why) in &swept.left {
            match self.dry_run {
                true => say!("would be left: {thing}: {why}"),
                false => complain!("NOT removed: {thing}: {why}"),
            }
        }
        if swept.removed.is_empty() && swept.left.is_empty() {
            say!("{environment}: nothing is there that could be removed");
        }
        say!("requests to the cloud's APIs: {}", swept.requests);
        if self.dry_run || swept.left.is_empty() { exit::PASS } else { exit::CLEANUP }
    }

    fn take_down(&self, on: &On) -> Result<ExitCode, Refused> {
        let access = Access::from(self.access.clone());
        let settings = settings(self.config.as_deref())?;
        let done = match on.kind.down(&on.value, &access, &settings, self.dry_run).map_err(AttackError::from) {
            Ok(done) => done,
            Err(why @ AttackError::Usage(_)) => return Err(why.into()),
            Err(why) => return Ok(could_not_tell(&why)),
        };
        Ok(match done {
            environment::Down::Nothing(why) => {
                say!("{}: {why}", on.kind.name());
                ExitCode::SUCCESS
            }
            environment::Down::Ended(told) => {
                say!("{told}");
                ExitCode::SUCCESS
            }
            environment::Down::Servers(servers) if servers.is_empty() => {
                say!(
                    "{}: no server of it may be attacked, so nothing was looked at\n  help: write `attack: allowed` beside those that chimp may touch",
                    on.value
                );
                ExitCode::SUCCESS
            }
            environment::Down::Servers(servers) => {
                ExitCode::from(servers.iter().map(|(server, found)| self.show(server, found)).fold(exit::PASS, worse))
            }
        })
    }

    /// Says what was found on a server and what became of it; the exit code that it asks for.
    fn show(&self, server: &str, found: &Result<Swept, ProviderError>) -> u8 {
        let swept = match found {
            Ok(swept) => swept,
            Err(why) => {
                complain!("{server}: could not be looked at: {why}");
                return exit::COULD_NOT_TELL;
            }
        };
        if swept.is_clean() {
            say!("{server}: nothing of chimp's is there");
        }
        let [undone, removed] = if self.dry_run { ["a fault is held", "is there"] } else { ["undone", "removed"] };
        for fault in &swept.faults {
            say!("{server}: {undone}: strike {} ({})", fault.id.0, fault.evidence);
        }
        for fault in &swept.switched {
            say!("{server}: {undone}: {fault}");
        }
        for note in &swept.notes {
            complain!("note: {server}: {note}");
        }
        for program in &swept.programs {
            say!("{server}: {removed}: {program}");
        }
        for program in &swept.used {
            say!("{server}: left there: {program}, on which a run has a lease; it removes itself when that is over");
        }
        for why in &swept.failed {
            complain!("{server}: NOT taken away: {why}");
        }
        if swept.failed.is_empty() { exit::PASS } else { exit::CLEANUP }
    }
}

/// What was left behind counts for more than what could not be looked at.
fn worse(one: u8, other: u8) -> u8 {
    one.max(other)
}

fn could_not_tell(why: &impl std::fmt::Display) -> ExitCode {
    complain!("chimp: {why}");
    ExitCode::from(exit::COULD_NOT_TELL)
}
