//! `chimp doctor`: what this machine or a cloud lacks, and what brings it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::what::NamedBy;
use super::{Refused, settings};
use crate::console::say;
use crate::document::error::one_of;
use crate::exit;
use crate::provider::local::doctor;
use crate::render::programs;
use crate::requests::findings::{Findings, Lack};
use crate::role::shipped;
use crate::{docker, ec2, openstack};

/// Check whether scenarios can run on this machine, and print the command that fixes what is missing; with `--on openstack` or
/// `--on ec2`, whether a cloud can be used; with `--on compose` or `--on swarm`, whether faults can be made in containers.
#[derive(Debug, Clone, Args)]
pub(super) struct Doctor {
    /// What is checked: `local`, which is this machine; `compose`: its Docker Engine; `swarm`: the same, and whether it is a manager of a Swarm; `openstack[=CLOUD]`: a cloud of `clouds.yaml` or of the variables
    /// `OS_*`; or `ec2[=PROFILE]`: an account of `~/.aws` or of the variables `AWS_*`. Nothing in the cloud is changed. Default: `on` of
    /// `[environment]` in `chimp.toml`, else `local`.
    #[arg(long, value_name = "NAME[=CLOUD]")]
    on: Option<String>,
    /// The settings that override the defaults. Default: `chimp.toml` of the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Doctor {
    /// Prints what was checked; fails where something is missing.
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let usual = || NamedBy { on: "local".into(), whence: "--on".into() };
        let named = NamedBy::find(self.on.as_deref(), self.config.as_deref())?.unwrap_or_else(usual);
        let refused = |why: String| Err(named.refused(why));
        match named.on.split_once('=').map_or((named.on.as_str(), None), |(name, value)| (name, Some(value))) {
            ("local", None) => Ok(show()),
            // The project has no say in it, and neither has the stack.
            ("compose", _) => show_containers(docker::doctor::look()),
            ("swarm", _) => show_containers(docker::doctor::look_at_swarm()),
            ("openstack", Some("")) => refused("nothing follows `openstack=`\n  help: write `openstack=CLOUD`".into()),
            ("openstack", cloud) => self.show_openstack(cloud),
            ("ec2", Some("")) => refused("nothing follows `ec2=`\n  help: write `ec2=PROFILE`".into()),
            ("ec2", profile) => self.show_ec2(profile),
            ("local", Some(value)) => {
                refused(format!("`local` takes no value, and `{value}` follows it\n  help: write `local` alone"))
            }
            (other, _) => {
                let hint = one_of(other, "places to check", ["local", "compose", "swarm", "openstack", "ec2"]);
                refused(format!("`{other}` is nothing that can be checked\n  help: {hint}"))
            }
        }
    }

    fn show_openstack(&self, cloud: Option<&str>) -> Result<ExitCode, Refused> {
        let per_minute = settings(self.config.as_deref())?.openstack.requests_per_minute;
        let here = openstack::clouds::Surroundings::here();
        let findings = runtime()?.block_on(openstack::doctor::look(cloud, &here, per_minute));
        Ok(show_findings(&findings, "the cloud"))
    }

    fn show_ec2(&self, profile: Option<&str>) -> Result<ExitCode, Refused> {
        let settings = settings(self.config.as_deref())?.ec2;
        let here = ec2::account::Surroundings::here();
        let findings = runtime()?.block_on(ec2::doctor::look(profile, &here, &settings));
        Ok(show_findings(&findings, "the account"))
    }
}

/// Looks, and prints what was found of a Docker Engine.
fn show_containers(looking: impl Future<Output = Findings>) -> Result<ExitCode, Refused> {
    let findings = runtime()?.block_on(looking);
    show_rows(&findings);
    let verdict = match findings.are_good() {
        true => "faults can be made in containers here",
        false => "not everything can be done to containers here yet",
    };
    say!("{verdict}");
    Ok(if findings.are_good() { ExitCode::SUCCESS } else { ExitCode::from(exit::COULD_NOT_TELL) })
}

fn runtime() -> Result<tokio::runtime::Runtime, Refused> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Refused::Runtime)
}

fn show_rows(findings: &Findings) {
    for row in &findings.rows {
        match &row.found {
            Ok(found) => say!("ok      {}: {found}", row.name),
            Err(Lack { detail, fix }) => {
                say!("MISSING {}: {detail}", row.name);
                say!("          fix: {fix}");
            }
        }
    }
}

/// Prints what was found of a cloud.
fn show_findings(findings: &Findings, what: &str) -> ExitCode {
    show_rows(findings);
    if !findings.is_described {
        say!("{what} is not described");
        return ExitCode::from(exit::USAGE);
    }
    let usable = findings.are_good();
    let verdict = if usable { "can be used" } else { "cannot be used yet" };
    say!("{what} {verdict} (requests sent: {})", findings.requests);
    if usable { ExitCode::SUCCESS } else { ExitCode::from(exit::COULD_NOT_TELL) }
}

/// Prints what was checked of this machine.
fn show() -> ExitCode {
    let mut healthy = true;
    for check in doctor::probe() {
        healthy &= check.ok;
        say!("{} {}: {}", if check.ok { "ok     " } else { "MISSING" }, check.name, check.detail);
        if let (false, Some(fix)) = (check.ok, &check.fix) {
            say!("          fix: {fix}");
        }
    }
    show_programs();
    if nix::unistd::geteuid().is_root() {
        show_needs();
    }
    say!("{}", if healthy { "scenarios can run here" } else { "scenarios cannot run here yet" });
    if healthy { ExitCode::SUCCESS } else { ExitCode::from(exit::COULD_NOT_TELL) }
}

/// What the shipped roles run; scenarios with a role that lacks something are skipped, others run.
fn show_programs() {
    for role in shipped::names().filter_map(shipped::role) {
        match programs::missing_of(&role).collect::<Vec<_>>().as_slice() {
            [] if role.programs.is_empty() => {}
            [] => say!("ok      programs of `{}`: {}", role.name, role.programs.join(", ")),
            missing => missing.iter().for_each(|missing| say!("LACKING {missing}")),
        }
    }
}

/// What faults need of this kernel; scenarios with a fault that lacks something are skipped, others run.
fn show_needs() {
    for (_, finding) in crate::agent::probe::probe() {
        match finding {
            Ok(by) => say!("ok      faults of the network: by {by}"),
            Err(why) => say!("LACKING faults of the network: {why}"),
        }
    }
}
