//! A declared infrastructure on a provider: gives its servers addresses and roles, boots them, waits for them, and no longer
//! than something can come ([`lost`]).
//!
//! [Provisioning](mod@crate::provision) and the reconciler both boot through here, so a replacement is made of exactly what its
//! predecessor was made of.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use crate::document::DocumentError;
use crate::history::{DeclaredDelay, Event, Recorder};
use crate::infrastructure::Infrastructure;
use crate::instance::{Instance, InstanceSpec, ServiceEnd, ServiceSpec, UserData};
use crate::provider::{Provider, ProviderError};
use crate::readiness::{self, NotReady, await_ready};
use crate::render;
use crate::render::{Addresses, Secrets};
use crate::settings::Settings;

mod lost;
pub mod topology_lock;

pub use topology_lock::TopologyLock;

/// An infrastructure with its addresses, on a provider.
#[derive(Clone)]
pub struct Site {
    /// What should be.
    pub infrastructure: Arc<Infrastructure>,
    /// Who is where.
    pub addresses: Addresses,
    /// Where users enter, where that is none of these addresses.
    pub entry: Option<IpAddr>,
    /// What is in force.
    pub settings: Settings,
    /// Where it lives.
    pub provider: Arc<dyn Provider>,
    /// Where it is recorded.
    pub recorder: Recorder,
    /// Passwords of this run.
    pub secrets: Secrets,
    /// Who may change the databases.
    pub databases: TopologyLock,
}

/// Why a server could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A role could not be rendered.
    #[error(transparent)]
    Infrastructure(#[from] DocumentError),
    /// A command of its role failed while it booted, or did not end.
    #[error("{source} (one of the commands of the role `{role}`, {file})")]
    BootCommand { role: String, file: String, source: Box<ProviderError> },
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It booted, but never served.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// A service of it ended, and nothing starts it again.
    #[error("{server}, of the role `{role}`, can't become ready: {end}")]
    ServiceEnded { server: String, role: String, end: Box<ServiceEnd> },
    /// It ended while it was waited for.
    #[error("{server} ended before it was ready: {evidence}")]
    InstanceGone { server: String, evidence: String },
}

impl BootError {
    /// Whether the site is what failed: what its roles are made of, and not what boots them.
    pub fn is_of_the_site(&self) -> bool {
        match self {
            BootError::NotReady(_) | BootError::ServiceEnded { .. } | BootError::BootCommand { .. } => true,
            BootError::Provider(_) | BootError::Infrastructure(_) | BootError::InstanceGone { .. } => false,
        }
    }
}

/// Whether a declared boot time is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootDelay {
    /// The first provisioning: nothing is measured yet, so nobody has to wait.
    Skipped,
    /// A replacement: what users wait for, divided if time runs faster.
    Waited,
}

impl Site {
    /// Boots one server and waits until it is what its role says.
    ///
    /// # Errors
    /// When its role can't be rendered, the boot fails or it is not ready in time.
    pub async fn boot(&self, server: &str, delay: BootDelay) -> Result<Instance, BootError> {
        let instance = self.ask(server, delay).await?;
        self.become_ready(server, &instance).await?;
        Ok(instance)
    }

    /// Asks the provider for a server; returns once it runs, which is not yet what its role says. Where there is a config
    /// agent a replacement is unconfigured, and that will make it what its role says.
    ///
    /// # Errors
    /// When its role can't be rendered, or the boot fails.
    pub async fn ask(&self, server: &str, delay: BootDelay) -> Result<Instance, BootError> {
        let spec = self.spec(server, delay)?;
        let _waiting = self.recorder.awaited().begin(booting(&spec));
        let booted = self.provider.boot(&spec).instrument(tracing::info_span!("boot", server)).await;
        let instance = booted.map_err(|why| self.of_its_role(server, why))?;
        let (name, id) = (server.to_string(), instance.id.to_string());
        let address = instance.address.to_string();
        self.recorder.record(Event::InstanceBooted { server: name, instance: id, address });
        Ok(instance)
    }

    /// A boot-time command is the role's: its error names it.
    fn of_its_role(&self, server: &str, source: ProviderError) -> BootError {
        match source {
            ProviderError::BootCommand { .. } | ProviderError::BootCommandHangs { .. } => {
                let role = self.role(server);
                let shipped = || "which is shipped".to_string();
                let file = role.source.as_ref().map_or_else(shipped, |file| file.display().to_string());
                BootError::BootCommand { role: role.name.clone(), file, source: Box::new(source) }
            }
            source => source.into(),
        }
    }

    /// Waits until a replacement that was booted is what its role says.
    ///
    /// # Errors
    /// When it is not in time, or can't be any more.
    pub async fn await_serving(&self, server: &str, instance: &Instance) -> Result<(), BootError> {
        self.unless_lost_for_long(server, instance, self.become_ready(server, instance)).await
    }

    async fn become_ready(&self, server: &str, instance: &Instance) -> Result<(), BootError> {
        let _waiting = self.recorder.awaited().begin(format!("{server} to be ready as its role asks"));
        if let Err(mut late) = await_ready(server, self.role(server), instance.address, &*self.provider).await {
            let ends = self.provider.ended(&instance.id).await.unwrap_or_default();
            late.last.extend(ends.iter().map(|end| format!("; {end}")));
            return Err(late.into());
        }
        let (server, instance) = (server.to_string(), instance.id.to_string());
        self.recorder.record(Event::ServerReady { server, instance });
        Ok(())
    }

    /// One look whether an instance of a declared server is what its role says.
    ///
    /// # Errors
    /// What was seen instead.
    pub async fn serves(&self, instance: &Instance) -> Result<(), String> {
        readiness::look(self.role(&instance.name), instance.address, &*self.provider).await
    }

    /// The files, commands and services that a server is made of.
    ///
    /// # Errors
    /// Those of the role's templates.
    pub fn user_data(&self, server: &str) -> Result<UserData, DocumentError> {
        render::render(&self.infrastructure, &self.addresses, &self.settings, &self.secrets, server)
    }

    /// What each server's role runs, rendered for it; a server whose role can't be rendered would not have booted.
    pub fn services(&self) -> BTreeMap<String, Vec<ServiceSpec>> {
        let services = |name: &String| Some((name.clone(), self.user_data(name).ok()?.services));
        self.infrastructure.servers.keys().filter_map(services).collect()
    }

    /// Where users enter.
    pub fn entry_address(&self) -> IpAddr {
        let own = || self.addresses.entry(&self.infrastructure).map(IpAddr::from);
        self.entry
            .or_else(own)
            .expect("the entry of an infrastructure that is booted is one of its servers or virtual IPs")
    }

    /// The role of a server.
    pub fn role(&self, server: &str) -> &crate::role::Role {
        &self.infrastructure.roles[&self.infrastructure.servers[server].role]
    }

    fn spec(&self, server: &str, delay: BootDelay) -> Result<InstanceSpec, DocumentError> {
        let declared = &self.infrastructure.servers[server];
        let is_replacement = delay == BootDelay::Waited;
        let takes = if is_replacement { declared.boot_delay + declared.install_delay } else { Duration::ZERO };
        let unconfigured = is_replacement && self.settings.config_agent.configures(server);
        Ok(InstanceSpec {
            name: server.to_string(),
            zone: declared.zone.clone(),
            tags: declared.tags.clone(),
            address: self.addresses.servers[server],
            user_data: UserData { unconfigured, ..self.user_data(server)? },
            boot_delay: self.begin_wait(DeclaredDelay::Boot, server, takes),
        })
    }
}

/// What is waited for while a server boots. Of commands no more than the program: their arguments may hold a password.
fn booting(spec: &InstanceSpec) -> String {
    let commands: &[Vec<String>] = if spec.user_data.unconfigured { &[] } else { &spec.user_data.run };
    match commands {
        [] => format!("{} to boot", spec.name),
        [one] => format!("{} to boot and `{}` of its role to end", spec.name, one.first().map_or("", String::as_str)),
        many => format!("{} to boot and the {} commands of its role to end", spec.name, many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waited_for(commands: &[&[&str]], unconfigured: bool) -> String {
        let run = commands.iter().map(|argv| argv.iter().map(ToString::to_string).collect()).collect();
        booting(&InstanceSpec {
            name: "web-1".into(),
            zone: None,
            tags: Default::default(),
            address: std::net::Ipv4Addr::LOCALHOST,
            user_data: UserData { run, unconfigured, ..UserData::default() },
            boot_delay: Duration::ZERO,
        })
    }

    #[test]
    fn while_a_server_boots_its_commands_are_waited_for() {
        assert_eq!(waited_for(&[], false), "web-1 to boot");
        assert_eq!(waited_for(&[&["sleep", "inf"]], false), "web-1 to boot and `sleep` of its role to end");
        let two = &[&["sleep", "inf"][..], &["true"]];
        assert_eq!(waited_for(two, false), "web-1 to boot and the 2 commands of its role to end");
        assert_eq!(waited_for(two, true), "web-1 to boot", "an unconfigured server runs none");
    }

    #[test]
    fn a_boot_time_command_that_does_not_end_is_reported_with_its_server_role_file_and_time_out() {
        let source = ProviderError::BootCommandHangs {
            server: "web-1".into(),
            command: "sleep inf".into(),
            within: Duration::from_secs(120),
        };
        let why =
            BootError::BootCommand { role: "shop".into(), file: "roles/shop.yaml".into(), source: Box::new(source) };
        assert!(why.is_of_the_site());
        assert_eq!(
            why.to_string(),
            "web-1: `sleep inf` did not end while booting, which may take 2 min with all its commands \
             (one of the commands of the role `shop`, roles/shop.yaml)"
        );
    }
}
