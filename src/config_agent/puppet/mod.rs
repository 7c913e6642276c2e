//! One run of Puppet's agent on one server, as cron starts it.
//!
//! The harness writes nothing itself: what a server becomes is what the Puppet server compiles for it ([`crate::render`]), and
//! whether and when it became that is what the agent's own report says ([`report`]). A server without a certificate of the Puppet
//! server that runs now is enrolled first ([`certificate`]). A catalog that is only remembered is not applied: an agent that
//! reaches no Puppet server configures nothing.

use std::time::Duration;

use self::certificate::{CERTIFICATES, Enrolment, enrol};
use self::report::{Report, ReportError};
use super::error::VisitError;
use super::survey::survey;
use super::visit::{COMMAND, running};
use crate::declared_wait::Tick;
use crate::history::{DeclaredDelay, Event};
use crate::infrastructure::PUPPET_SERVER;
use crate::instance::{Command, Instance, InstanceId, Output};
use crate::launch::UNCONFIGURED_MARK;
use crate::provider::Remote;
use crate::readiness::await_ready;
use crate::site::Site;

mod certificate;
mod report;

/// Where Debian's agent leaves its report.
const REPORT: &str = "/var/cache/puppet/state/last_run_report.yaml";
/// The server's clock in nanoseconds, then the report, where there is one. `$1`: its path.
const READ: &str = r#"date +%s%N; [ ! -e "$1" ] || cat -- "$1""#;
/// How long an agent waits for a connection to the Puppet server, and for an answer of it. By default it is 2 and 10 min, in
/// which a Puppet server that dies would hold up every server that asked it; and it would ask for a certificate again and again.
const PATIENCE: [&str; 6] = ["--waitforcert", "0", "--http_connect_timeout", "10s", "--http_read_timeout", "60s"];

/// How often it is looked whether the server of a run still runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is particular to Puppet, of why a run ended before its work was done.
#[derive(Debug, thiserror::Error)]
pub(super) enum PuppetError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the Puppet server does not run, and {0} has no certificate that it signed")]
    NoAuthority(String),
    #[error("{0} did not run to the end of Puppet's run")]
    Gone(InstanceId),
    #[error("Puppet's agent ended with {status:?}, and left no report of this run: {said}")]
    NoReport { status: Option<i32>, said: String },
    #[error("Puppet's run failed: {0}")]
    Failed(String),
    #[error("unexpected answer about Puppet's last report: {0}")]
    Answer(String),
}

/// What is remembered of a server between two runs.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    enrolment: Option<Enrolment>,
    /// What was done for it since the last run that succeeded.
    done: Vec<String>,
}

/// Has a server configured by Puppet, and records what that took; returns what is to be remembered of it.
pub(super) async fn visit(site: &Site, server: &str, tick: Tick, mut remembered: Remembered) -> Remembered {
    if let Err(why) = run(site, server, tick, &mut remembered).await {
        site.recorder.record(Event::ConfigAgentFailed { server: server.into(), detail: why.to_string() });
    }
    remembered
}

/// A run takes seconds, in which its server may die. It ends then, so that the next one is of the replacement, which answers at
/// the same address.
async fn run(site: &Site, server: &str, tick: Tick, remembered: &mut Remembered) -> Result<(), VisitError> {
    let Some(instance) = running(site, server).await? else { return Ok(()) };
    tokio::select! {
        ended = run_on(site, server, &instance, tick, remembered) => ended,
        gone = gone(site, server, &instance) => Err(gone),
    }
}

/// Returns when an instance does not run any more, or it is not known whether it does.
async fn gone(site: &Site, server: &str, instance: &Instance) -> VisitError {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match running(site, server).await {
            Ok(Some(now)) if now.id == instance.id => {}
            Ok(_) => return PuppetError::Gone(instance.id.clone()).into(),
            Err(why) => return why.into(),
        }
    }
}

async fn run_on(
    site: &Site,
    server: &str,
    instance: &Instance,
    tick: Tick,
    remembered: &mut Remembered,
) -> Result<(), VisitError> {
    let remote = site.provider.connect(instance).await?;
    let unconfigured = survey(remote.as_ref(), &[], &[]).await?.unconfigured;
    if unconfigured {
        site.record_tick(DeclaredDelay::ConfigAgent, server, tick);
    }
    certify(site, server, remote.as_ref(), instance, remembered).await?;
    if unconfigured {
        let declared = site.infrastructure.servers[server].configure_delay;
        tokio::time::sleep(site.begin_wait(DeclaredDelay::Configure, server, declared)).await;
    }
    let work = Work { site, server, remote: remote.as_ref() };
    let found = work.apply().await?;
    if !unconfigured && !found.report.changed.is_empty() {
        site.record_tick(DeclaredDelay::ConfigAgent, server, tick);
    }
    let mut done = std::mem::take(&mut remembered.done);
    done.extend(found.report.changed.iter().map(|resource| format!("Puppet changed {resource}")));
    if !done.is_empty() {
        site.recorder.record(Event::ConfigAgentChanged { server: server.into(), what: done });
    }
    if unconfigured { work.becomes_ready(instance, &found).await } else { Ok(()) }
}

/// Enrols a server whose certificate the Puppet server that runs now did not sign. Where none runs, an agent that has a
/// certificate finds that out itself.
async fn certify(
    site: &Site,
    server: &str,
    remote: &dyn Remote,
    instance: &Instance,
    remembered: &mut Remembered,
) -> Result<(), VisitError> {
    let is_own = remembered.enrolment.as_ref().is_some_and(|one| one.instance == instance.id);
    let authority = match running(site, PUPPET_SERVER).await? {
        Some(authority) => authority,
        None if is_own => return Ok(()),
        None => return Err(PuppetError::NoAuthority(server.into()).into()),
    };
    let wanted = Enrolment { instance: instance.id.clone(), authority: authority.id.clone() };
    if remembered.enrolment.as_ref() != Some(&wanted) {
        remembered.done.extend(enrol(site, server, remote, &authority).await?);
        remembered.enrolment = Some(wanted);
    }
    Ok(())
}

/// A report that was found, and when it was asked for and had, on the run's clock in microseconds.
struct Found {
    report: Report,
    server_clock: jiff::Timestamp,
    asked_us: u64,
    had_us: u64,
}

impl Found {
    /// When everything was applied: between these two, in microseconds on the run's clock. The server's clock was read at some
    /// moment between asking and having the answer.
    fn applied_us(&self) -> (u64, u64) {
        let age = self.server_clock.duration_since(self.report.applied).as_micros();
        let ago = |us: u64| us.saturating_sub(u64::try_from(age).unwrap_or_default());
        (ago(self.asked_us), ago(self.had_us))
    }
}

struct Work<'a> {
    site: &'a Site,
    server: &'a str,
    remote: &'a dyn Remote,
}

impl Work<'_> {
    /// Runs the agent; its report of this run.
    async fn apply(&self) -> Result<Found, VisitError> {
        let before = self.read().await?.map(|found| found.report.run);
        let output = self.remote.exec(&command(&agent(self.server))).await?;
        let after = self.read().await?.filter(|found| before.as_ref() != Some(&found.report.run));
        match after {
            Some(Found { report: Report { failure: Some(failure), .. }, .. }) => {
                Err(PuppetError::Failed(failure).into())
            }
            Some(found) => Ok(found),
            None => Err(PuppetError::NoReport { status: output.status, said: said(&output) }.into()),
        }
    }

    /// The last report that there is.
    async fn read(&self) -> Result<Option<Found>, VisitError> {
        let clock = self.site.recorder.clock();
        let asked_us = clock.now_us();
        let answer = exec(self.remote, &["sh", "-c", READ, "sh", REPORT]).await?;
        let had_us = clock.now_us();
        let (first, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
        let unexpected = || PuppetError::Answer(first.into());
        let nanoseconds: i128 = first.trim().parse().map_err(|_| unexpected())?;
        let server_clock = jiff::Timestamp::from_nanosecond(nanoseconds).map_err(|_| unexpected())?;
        if rest.is_empty() {
            return Ok(None);
        }
        Ok(Some(Found { report: Report::read(rest).map_err(PuppetError::from)?, server_clock, asked_us, had_us }))
    }

    /// A server that serves at the first look was configured when its report says; one that serves later, later.
    async fn becomes_ready(&self, instance: &Instance, found: &Found) -> Result<(), VisitError> {
        let served = self.site.serves(instance).await.is_ok();
        if !served {
            let role = self.site.role(self.server);
            await_ready(self.server, role, instance.address, &*self.site.provider).await?;
        }
        let now_us = self.site.recorder.clock().now_us();
        let (from_us, at_us) = if served { found.applied_us() } else { (now_us, now_us) };
        exec(self.remote, &["rm", "-f", UNCONFIGURED_MARK]).await?;
        let ready = Event::ServerReady { server: self.server.into(), instance: instance.id.to_string() };
        self.site.recorder.record_at(at_us, at_us - from_us, ready);
        Ok(())
    }
}

/// With a low priority: it shares the CPUs of its machine with the site.
fn agent(server: &str) -> Vec<&str> {
    let nice = ["nice", "-n", "10", "puppet", "agent", "--onetime", "--no-daemonize", "--no-splay", "--color", "false"];
    let how = ["--no-usecacheonfailure"];
    let what = ["--detailed-exitcodes", "--lastrunreport", REPORT, "--ssldir", CERTIFICATES];
    let parties = ["--certname", server, "--server", PUPPET_SERVER];
    nice.into_iter().chain(PATIENCE).chain(how).chain(what).chain(parties).collect()
}

fn command(argv: &[&str]) -> Command {
    Command { argv: argv.iter().map(ToString::to_string).collect(), timeout: COMMAND }
}

/// Runs a command to its end; what it printed.
async fn exec(remote: &dyn Remote, argv: &[&str]) -> Result<String, VisitError> {
    let output = remote.exec(&command(argv)).await?;
    match output.status {
        Some(0) => Ok(output.stdout),
        status => {
            // Of a script no more than that it is one.
            let shown = if argv.first() == Some(&"sh") { &["sh"][..] } else { argv };
            Err(VisitError::Command { command: shown.join(" "), status, said: said(&output) })
        }
    }
}

/// Both of its outputs in one line: `puppetserver ca` complains on one, and `puppet` on the other.
fn said(output: &Output) -> String {
    let lines = output.stderr.lines().chain(output.stdout.lines()).map(str::trim).filter(|line| !line.is_empty());
    lines.filter(|line| !line.contains("Facter:")).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_run_was_over_is_known_to_the_time_that_asking_for_its_report_took() {
        let applied = "2026-11-29T06:50:23.2Z".parse().unwrap();
        let report = Report { run: "1".into(), applied, changed: Vec::new(), failure: None };
        let server_clock = "2026-11-29T06:50:25.2Z".parse().unwrap();
        let found = Found { report, server_clock, asked_us: 10_000_000, had_us: 10_040_000 };
        assert_eq!(found.applied_us(), (8_000_000, 8_040_000));
        let ahead = Found { server_clock: "2026-11-29T06:50:22Z".parse().unwrap(), ..found };
        assert_eq!(ahead.applied_us(), (10_000_000, 10_040_000), "a clock that was set back dates nothing later");
    }

    #[test]
    fn an_agent_applies_nothing_that_it_only_remembers_and_asks_the_puppet_server() {
        let argv = agent("web-1");
        assert!(argv.contains(&"--no-usecacheonfailure") && argv.contains(&"--onetime"));
        assert_eq!(argv[argv.len() - 4..], ["--certname", "web-1", "--server", "puppet"]);
    }

    #[test]
    fn what_is_said_is_one_line_without_facts_that_could_not_be_found_out() {
        let output = Output {
            status: Some(1),
            stdout: "Error: no catalog\n".into(),
            stderr: "Error: Facter: no /sys/block\n\n  Error: refused\n".into(),
        };
        assert_eq!(said(&output), "Error: refused / Error: no catalog");
    }
}
