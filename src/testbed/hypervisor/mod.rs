//! A hypervisor for a cloud that decides where servers are: it boots them in a sandbox, with the cloud's addresses, keys
//! and user data.
//!
//! `chimp hypervisor` is for tests against real clouds, and hidden. [`server`] has what a cloud gives, [`user_data`] and
//! [`mod@unit`] read it. Everything else is a testbed's: power, states, the end.

use std::convert::Infallible;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::lease::{Power, PowerError};
use super::life::{self, Inside, KeepError, UpError};
use super::protocol::{Request, Response};
use super::server::{Keeps, RequestHandler, done, refused};
use crate::instance::{FileContent, FileSpec, Instance, InstanceId, Plug, PowerOp};
use crate::provider::Provider;
use crate::provider::local::{LocalCloud, subnet::Subnet};
use crate::render::programs;

mod console;
pub mod server;
mod unit;
mod user_data;

pub use server::CloudServer;

/// How a hypervisor is started.
#[derive(Debug, Clone)]
pub struct HypervisorOptions {
    /// Where it listens.
    pub socket: PathBuf,
    /// Where servers log, `DIR/<server>/<service>.log`; in the sandbox, and gone with it, where none is named.
    pub logs: Option<PathBuf>,
    /// The name of a link to the servers, in the network namespace of this process; there is none where none is named.
    pub uplink: Option<String>,
}

/// Boots what it is asked for until it is ended; then everything is gone. Returns the exit code. Must be called while the
/// process has one thread.
///
/// # Errors
/// When its place is taken or there can be no sandbox; what goes wrong inside is printed on stderr.
pub fn run(options: &HypervisorOptions) -> Result<u8, UpError> {
    let outside = options.uplink.as_ref().map(|name| Ok((name, File::open("/proc/self/ns/net")?)));
    let outside = outside.transpose().map_err(UpError::Outside)?;
    life::live(&options.socket, options.logs.clone(), async |inside: Inside| {
        if let Some((name, namespace)) = outside {
            inside.cloud.plug_outside(name, namespace.as_fd()).await?;
        }
        live(inside).await
    })
}

async fn live(inside: Inside) -> Result<(), KeepError> {
    inside.cloud.start_filter().await?;
    let programs = programs::of_shipped_roles().map_err(|missing| KeepError::Image(missing.to_string()))?;
    let (_up, ready) = watch::channel(true);
    let provider = Arc::clone(&inside.cloud) as Arc<dyn Provider>;
    let (pid, key) = (inside.pid, inside.zygote.key());
    let hypervisor =
        Hypervisor { cloud: Arc::clone(&inside.cloud), programs: files(programs), logs: inside.logs.clone() };
    let handler = |down| RequestHandler {
        pid,
        file: "a hypervisor".into(),
        keeps: Keeps::Servers(hypervisor),
        power: Power::new(Arc::clone(&provider)),
        provider,
        key,
        for_tests: false,
        ready,
        down,
    };
    inside.answer(handler, std::future::pending::<Result<Infallible, KeepError>>()).await
}

fn files(programs: Vec<(PathBuf, PathBuf)>) -> Vec<FileSpec> {
    let file = |(path, program)| FileSpec { path, content: FileContent::Program(program), mode: 0o755 };
    programs.into_iter().map(file).collect()
}

/// What servers are booted with.
pub(super) struct Hypervisor {
    cloud: Arc<LocalCloud>,
    /// The programs of this machine that belong to the image.
    programs: Vec<FileSpec>,
    logs: PathBuf,
}

impl Hypervisor {
    /// Answers what only a hypervisor does.
    pub async fn answer(&self, request: Request) -> Response {
        match request {
            Request::Create(server) => self.create(&server).await.map_or_else(refused, Response::Booted),
            Request::Destroy { id } => self.destroy(&id).await,
            Request::Policies(policies) => done(self.cloud.decide(policies).await),
            Request::Console { name } => console::read(&self.logs, &name).map_or_else(refused, Response::Console),
            _ => refused("a hypervisor does not do this"),
        }
    }

    /// Switches power. A frozen server is silent as well, as a paused virtual machine is: its kernel answers nothing.
    pub async fn switch(&self, power: &Arc<Power>, id: &InstanceId, op: PowerOp) -> Result<(), PowerError> {
        if op == PowerOp::Freeze {
            self.cloud.set_silent(id, true).await?;
            return power.switch(id, op, None).await;
        }
        power.switch(id, op, None).await?;
        match op.plug() {
            Plug::Power => Ok(self.cloud.set_silent(id, false).await?),
            Plug::Network => Ok(()),
        }
    }

    async fn destroy(&self, id: &InstanceId) -> Response {
        done(self.cloud.forget(id).await)
    }

    async fn create(&self, server: &CloudServer) -> Result<Instance, String> {
        let (spec, identity) = server.read(&self.programs, Subnet::of_slot(0)).map_err(|why| why.to_string())?;
        console::note(&self.logs, server, "boots").map_err(|why| why.to_string())?;
        let booted = self.cloud.boot_as(&spec, identity).await.map_err(|why| why.to_string());
        let outcome = booted.as_ref().map_or_else(Clone::clone, |_| "is up".to_string());
        console::note(&self.logs, server, &outcome).map_err(|why| why.to_string())?;
        booted
    }
}
