//! One run of the config agent on one server.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::error::VisitError;
use super::survey::{Drift, survey};
use crate::declared_wait::Tick;
use crate::history::{DeclaredDelay, Event};
use crate::instance::{Command, FileContent, FileSpec, Instance, PowerState, ServiceSpec, UserData};
use crate::launch;
use crate::launch::UNCONFIGURED_MARK;
use crate::provider::{ProviderError, Remote};
use crate::readiness::await_ready;
use crate::render::monit;
use crate::site::Site;

/// `$1`: what is made, `$2`: its permissions, the rest: what makes it.
const MAKE: &str = r#"[ -e "$1" ] || { path=$1 mode=$2; shift 2; "$@" && chmod -- "$mode" "$path"; }"#;
/// How long one command may take: as long as a boot with all of its commands.
pub(super) const COMMAND: Duration = Duration::from_secs(120);

/// Makes a server what its role says, and records what that took.
pub(super) async fn visit(site: &Site, server: &str, tick: Tick) {
    if let Err(why) = run(site, server, tick).await {
        site.recorder.record(Event::ConfigAgentFailed { server: server.into(), detail: why.to_string() });
    }
}

async fn run(site: &Site, server: &str, tick: Tick) -> Result<(), VisitError> {
    let Some(instance) = running(site, server).await? else { return Ok(()) };
    let mut data = site.user_data(server)?;
    data.files.retain(|file| !file.content.is_of_image());
    let remote = site.provider.connect(&instance).await?;
    let kept = monit::unsupervised(site.role(server), &data.services);
    let found = survey(remote.as_ref(), &data.files, &kept).await?;
    let work = Work { site, server, remote: remote.as_ref() };
    if found.unconfigured {
        work.tick(tick);
        work.configure(&instance, &data, &found).await
    } else if found.changed.is_empty() && found.dead.is_empty() {
        Ok(())
    } else {
        work.tick(tick);
        work.repair(&found).await
    }
}

pub(super) async fn running(site: &Site, server: &str) -> Result<Option<Instance>, ProviderError> {
    let instances = site.provider.list().await?;
    let running = |instance: &Instance| instance.name == server && instance.state == PowerState::Running;
    Ok(instances.into_iter().rev().find(running))
}

/// A run that has found something to do.
struct Work<'a> {
    site: &'a Site,
    server: &'a str,
    remote: &'a dyn Remote,
}

impl Work<'_> {
    fn tick(&self, tick: Tick) {
        self.site.record_tick(DeclaredDelay::ConfigAgent, self.server, tick);
    }

    /// Makes an unconfigured server what its role says. The mark goes last: what failed on the way is tried again.
    async fn configure(&self, instance: &Instance, data: &UserData, found: &Drift) -> Result<(), VisitError> {
        let declared = self.site.infrastructure.servers[self.server].configure_delay;
        tokio::time::sleep(self.site.begin_wait(DeclaredDelay::Configure, self.server, declared)).await;
        let mut done = self.write(&found.changed).await?;
        for file in &data.files {
            done.extend(self.make(file).await?);
        }
        for command in &data.run {
            self.exec(command.clone()).await?;
            done.push(format!("ran {}", command.join(" ")));
        }
        done.extend(self.start(&data.services).await?);
        self.serves(instance.address).await?;
        self.exec(["rm", "-f", UNCONFIGURED_MARK].map(String::from).into()).await?;
        self.changed(done);
        let (server, instance) = (self.server.into(), instance.id.to_string());
        self.site.recorder.record(Event::ServerReady { server, instance });
        Ok(())
    }

    /// Puts right what drifted. What is started takes its files in by itself.
    async fn repair(&self, found: &Drift) -> Result<(), VisitError> {
        let mut done = self.write(&found.changed).await?;
        let reload = self.site.role(self.server).reload.as_ref();
        if let Some(reload) = reload.filter(|_| !found.changed.is_empty() && found.dead.is_empty()) {
            self.exec(reload.clone()).await?;
        }
        done.extend(self.start(&found.dead).await?);
        self.changed(done);
        Ok(())
    }

    async fn write(&self, files: &[FileSpec]) -> Result<Vec<String>, VisitError> {
        for file in files {
            self.remote.upload(file).await?;
        }
        Ok(files.iter().map(|file| format!("wrote {}", file.path.display())).collect())
    }

    /// Has a command make what it makes, where that is not there yet.
    async fn make(&self, file: &FileSpec) -> Result<Option<String>, VisitError> {
        let FileContent::MadeBy { command, .. } = &file.content else { return Ok(None) };
        let path = file.path.display().to_string();
        let head = ["sh", "-c", MAKE, "sh", &path, &format!("{:o}", file.mode)].map(String::from);
        self.exec(head.into_iter().chain(command.iter().cloned()).collect()).await?;
        Ok(Some(format!("made {path}")))
    }

    /// Starts those that do not run: of a server that was half configured, some do.
    async fn start(&self, services: &[ServiceSpec]) -> Result<Vec<String>, VisitError> {
        let dead = survey(self.remote, &[], services).await?.dead;
        for service in &dead {
            self.exec(launch::command(service)).await?;
        }
        Ok(dead.iter().map(|service| format!("started {}", service.name)).collect())
    }

    async fn serves(&self, address: Ipv4Addr) -> Result<(), VisitError> {
        Ok(await_ready(self.server, self.site.role(self.server), address, &*self.site.provider).await?)
    }

    async fn exec(&self, argv: Vec<String>) -> Result<(), VisitError> {
        let output = self.remote.exec(&Command { argv: argv.clone(), timeout: COMMAND }).await?;
        match output.status {
            Some(0) => Ok(()),
            status => {
                let said = output.stderr.trim().to_string();
                Err(VisitError::Command { command: argv.join(" "), status, said })
            }
        }
    }

    fn changed(&self, what: Vec<String>) {
        self.site.recorder.record(Event::ConfigAgentChanged { server: self.server.into(), what });
    }
}
