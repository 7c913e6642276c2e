//! Answers a testbed's clients, each in a task of its own.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::hypervisor::Hypervisor;
use super::lease::Power;
use super::protocol::{Kept, LONGEST_REQUEST, Request, Response};
use super::{rights, sever};
use crate::console::complain;
use crate::instance::{InstanceId, InstanceSpec, PowerOp};
use crate::provider::Provider;
use crate::readiness;

/// What clients are answered from.
pub(super) struct RequestHandler {
    /// The process that was started, as its own machine counts.
    pub pid: u32,
    /// The infrastructure's file.
    pub file: PathBuf,
    pub keeps: Keeps,
    pub provider: Arc<dyn Provider>,
    pub power: Arc<Power>,
    /// The private key that opens every instance.
    pub key: Arc<str>,
    /// Whether what is only for tests is answered.
    pub for_tests: bool,
    /// Whether the site is up.
    pub ready: watch::Receiver<bool>,
    /// Where the end is asked for.
    pub down: mpsc::Sender<()>,
}

/// What a testbed keeps.
pub(super) enum Keeps {
    /// What a file says.
    Infrastructure(Box<Kept>),
    /// What a cloud asks for.
    Servers(Hypervisor),
}

/// Answers until it is dropped; what is under way then is cut off.
pub(super) async fn serve(listener: UnixListener, handler: Arc<RequestHandler>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(Arc::clone(&handler).attend(stream))),
            // No descriptors left, for a moment: those of ended connections come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

impl RequestHandler {
    /// Answers one connection, line by line.
    async fn attend(self: Arc<Self>, stream: UnixStream) {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            let read = (&mut stream).take(LONGEST_REQUEST as u64).read_until(b'\n', &mut line).await;
            if !matches!(read, Ok(length) if length > 0) || line.last() != Some(&b'\n') {
                return;
            }
            let (answer, carried) = match serde_json::from_slice::<Request>(&line) {
                Ok(request) => self.answer(request).await,
                Err(why) => (refused(format!("this is not a request: {why}")), None),
            };
            if rights::send_line(stream.get_mut(), &answer, carried).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, request: Request) -> (Response, Option<OwnedFd>) {
        match request {
            Request::Who => return (Response::Testbed { pid: self.pid, file: self.file.clone() }, None),
            Request::Down => {
                // Full, it was asked for already.
                let _ = self.down.try_send(());
                return (Response::Done, None);
            }
            _ => {}
        }
        if self.ready.clone().wait_for(|ready| *ready).await.is_err() {
            return (refused("the site never came up"), None);
        }
        match request {
            Request::Dial { address, port, timeout } => dial(address, port, timeout).await,
            other => (self.answer_plainly(other).await, None),
        }
    }

    async fn answer_plainly(&self, request: Request) -> Response {
        match request {
            Request::Infrastructure => match &self.keeps {
                Keeps::Infrastructure(kept) => Response::Kept(kept.clone()),
                Keeps::Servers(_) => refused("a hypervisor keeps servers, and no infrastructure"),
            },
            Request::Create(_) | Request::Destroy { .. } | Request::Policies(_) | Request::Console { .. } => {
                match &self.keeps {
                    Keeps::Servers(hypervisor) => hypervisor.answer(request).await,
                    Keeps::Infrastructure(_) => refused("this testbed keeps an infrastructure, and is no hypervisor"),
                }
            }
            Request::List => self.provider.list().await.map_or_else(refused, Response::Instances),
            Request::Boot(spec) => self.boot(&spec).await,
            Request::Booting => self.provider.booting().await.map_or_else(refused, Response::Booting),
            Request::Ended { id } => self.provider.ended(&id).await.map_or_else(refused, Response::Ended),
            Request::Look(question) => Response::Seen { otherwise: readiness::look_from_here(&question).await.err() },
            Request::Power { id, op, lease } => self.switch(&id, op, lease).await,
            Request::Renew { id, plug } => done(self.power.renew(&id, plug)),
            Request::Login => Response::Login { user: "root".into(), key: self.key.to_string() },
            Request::Sever { .. } | Request::Restore { .. } if !self.for_tests => refused("this is only for tests"),
            Request::Sever { server } => match self.address(&server) {
                Ok(address) => done(sever::sever(address).await),
                Err(why) => refused(why),
            },
            Request::Restore { server } => match self.address(&server) {
                Ok(address) => done(sever::restore(address).await),
                Err(why) => refused(why),
            },
            Request::Who | Request::Down | Request::Dial { .. } => refused("this was answered before"),
        }
    }

    async fn switch(&self, id: &InstanceId, op: PowerOp, lease: Option<Duration>) -> Response {
        match (&self.keeps, lease) {
            (Keeps::Infrastructure(_), _) => done(self.power.switch(id, op, lease).await),
            (Keeps::Servers(_), Some(_)) => refused("a hypervisor holds no lease"),
            (Keeps::Servers(hypervisor), None) => done(hypervisor.switch(&self.power, id, op).await),
        }
    }

    /// Said where the testbed is watched: what it boots beyond its own file is somebody else's doing.
    async fn boot(&self, spec: &InstanceSpec) -> Response {
        match self.provider.boot(spec).await {
            Ok(instance) => {
                complain!("{}: booted as {}, as a client asked for it", spec.name, instance.id);
                Response::Booted(instance)
            }
            Err(why) => refused(why),
        }
    }

    fn address(&self, server: &str) -> Result<Ipv4Addr, String> {
        let address = match &self.keeps {
            Keeps::Infrastructure(kept) => kept.addresses.servers.get(server).copied(),
            Keeps::Servers(_) => None,
        };
        address.ok_or_else(|| format!("there is no server `{server}`"))
    }
}

pub(super) fn refused(why: impl ToString) -> Response {
    Response::Refused { detail: why.to_string() }
}

pub(super) fn done<E: ToString>(result: Result<(), E>) -> Response {
    result.map_or_else(refused, |()| Response::Done)
}

async fn dial(address: Ipv4Addr, port: u16, within: Duration) -> (Response, Option<OwnedFd>) {
    let connected = match timeout(within, TcpStream::connect((address, port))).await {
        Ok(connected) => connected.and_then(blocking),
        Err(_) => Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
    };
    match connected {
        Ok(connection) => (Response::Dialled, Some(connection)),
        Err(why) => (Response::NotDialled { errno: why.raw_os_error().unwrap_or(libc::EIO) }, None),
    }
}

fn blocking(connection: TcpStream) -> io::Result<OwnedFd> {
    let connection = connection.into_std()?;
    connection.set_nonblocking(false)?;
    Ok(connection.into())
}
