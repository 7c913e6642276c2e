//! The way to each server of an inventory: its address, the proof of the user who logs in, the jump host on the way.
//!
//! A name is looked up when its server is first needed, and the address is kept for as long as the provider lives.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::OnceCell;

use super::no_proof::NoProof;
use super::{Address, Endpoint, Host, HostRemote, Inventory, Jump, Key, lookup};
use crate::agent::upload::Source;
use crate::provider::passwords::Passwords;
use crate::provider::ssh::{self, Login, Proof, Route, SshAgentKeys, SshRemote};
use crate::provider::{ProviderError, RemoteError};

/// How a server is reached, once it is known.
pub(super) struct Way {
    /// Its address.
    pub address: Ipv4Addr,
    /// How TCP connections to it are made.
    pub route: Route,
    /// Where commands go; `None` where nothing proves the user.
    pub remote: Option<HostRemote>,
}

/// The ways to all servers.
pub(super) struct Ways {
    pub inventory: Inventory,
    passwords: Passwords,
    route: Route,
    /// The socket of the user's SSH agent.
    pub(super) agent: Option<PathBuf>,
    to: BTreeMap<String, OnceCell<Way>>,
    /// By [`Jump::id`]: sessions to a jump host are shared.
    jumps: BTreeMap<String, OnceCell<Arc<ssh::Jump>>>,
    /// The program that holds faults there.
    source: Arc<Source>,
}

impl Ways {
    /// Nothing is looked up or connected to yet.
    pub fn new(inventory: Inventory, passwords: Passwords, route: Route, agent: Option<PathBuf>) -> Self {
        let to = inventory.hosts.keys().map(|name| (name.clone(), OnceCell::new())).collect();
        let jumps = inventory.hosts.values().filter_map(|host| host.jump.as_ref());
        let jumps = jumps.map(|jump| (jump.id(), OnceCell::new())).collect();
        let source = Arc::new(Source::of(inventory.agent.clone()));
        Ways { inventory, passwords, route, agent, to, jumps, source }
    }

    /// Those of servers that were needed.
    pub fn remotes(&self) -> impl Iterator<Item = &HostRemote> {
        self.to.values().filter_map(|way| way.get()?.remote.as_ref())
    }

    /// The way to one server.
    ///
    /// # Errors
    /// Its name, or that of its jump host, does not lead to one address.
    pub async fn to(&self, name: &str, host: &Host) -> Result<&Way, ProviderError> {
        let cell = self.to.get(name).ok_or_else(|| ProviderError::Unknown(crate::instance::InstanceId(name.into())))?;
        cell.get_or_try_init(|| self.find(name, host)).await
    }

    /// The ways to all servers, looked up side by side.
    ///
    /// # Errors
    /// All names that do not lead to one address; or two servers are one machine.
    pub async fn all(&self) -> Result<Vec<(&str, &Host, &Way)>, ProviderError> {
        let hosts = self.inventory.hosts.iter();
        let found =
            join_all(hosts.map(async |(name, host)| Ok((name.as_str(), host, self.to(name, host).await?)))).await;
        let (found, failed): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
        ProviderError::of_all(failed.into_iter().filter_map(Result::err))?;
        let found: Vec<(&str, &Host, &Way)> = found.into_iter().filter_map(Result::ok).collect();
        self.no_machine_twice(&found)?;
        Ok(found)
    }

    fn no_machine_twice(&self, found: &[(&str, &Host, &Way)]) -> Result<(), ProviderError> {
        let mut seen = BTreeMap::new();
        for (name, host, way) in found {
            let through = host.jump.as_ref().map(Jump::id);
            if let Some(other) = seen.insert((way.address, host.ssh.port, through), name) {
                let detail = format!(
                    "`{other}` leads to the same address and port ({}:{}): leave one of the two out",
                    way.address, host.ssh.port
                );
                return Err(self.unreached(name, host, detail));
            }
        }
        Ok(())
    }

    async fn find(&self, name: &str, host: &Host) -> Result<Way, ProviderError> {
        let (jump, route) = match &host.jump {
            None => (None, self.route.clone()),
            Some(jump) => {
                let dialling = self.jump(name, host, jump).await?;
                (Some(dialling), Route::Dialled(dialling.clone()))
            }
        };
        let address = match (&host.ssh.address, jump) {
            (Address::Ip(address), _) => Ok(*address),
            (Address::Name(of), None) => lookup::here(of).await,
            // As for ssh: names behind a jump host are those that it knows.
            (Address::Name(of), Some(jump)) => lookup::on(jump.name(), jump.remote(), of).await,
        };
        let address = address.map_err(|why| self.unreached(name, host, why))?;
        let proof = self.proof(Some(name), &host.ssh).ok();
        let ssh = proof.map(|proof| SshRemote::new(self.login(&host.ssh, address, proof, &route)));
        let remote = ssh.map(|ssh| HostRemote::new(name, ssh, &self.source));
        Ok(Way { address, route, remote })
    }

    async fn jump(&self, name: &str, host: &Host, jump: &Jump) -> Result<&Arc<ssh::Jump>, ProviderError> {
        let make = async || {
            let endpoint = &jump.endpoint;
            let address = match &endpoint.address {
                Address::Ip(address) => *address,
                Address::Name(of) => lookup::here(of)
                    .await
                    .map_err(|why| self.unreached(name, host, format!("its jump host `{}`: {why}", jump.name)))?,
            };
            let proof = self.proof(jump.is_host.then_some(&jump.name), endpoint);
            let proof =
                proof.map_err(|why| self.no_way_in(name, host, &format!("its jump host `{}` has {why}", jump.name)))?;
            Ok(Arc::new(ssh::Jump::new(&jump.name, self.login(endpoint, address, proof, &self.route))))
        };
        let cell = self.jumps.get(&jump.id()).expect("every jump host was collected");
        cell.get_or_try_init(make).await
    }

    fn login(&self, endpoint: &Endpoint, address: Ipv4Addr, proof: Proof, route: &Route) -> Login {
        Login {
            name: endpoint.address.name().map(str::to_string),
            address,
            port: endpoint.port,
            user: endpoint.user.clone(),
            proof,
            host_key: self.inventory.host_key.clone(),
            route: route.clone(),
        }
    }

    /// Whether something proves the user of this server, and of its jump host.
    ///
    /// # Errors
    /// Nothing does; with the place in the file, and what to do.
    pub fn can_log_in(&self, name: &str, host: &Host) -> Result<(), ProviderError> {
        self.way_in(name, host).map_err(|(jump, why)| match jump {
            None => self.no_way_in(name, host, &format!("`{name}` has {why}")),
            Some(jump) => self.no_way_in(name, host, &format!("its jump host `{jump}` has {why}")),
        })
    }

    /// # Errors
    /// What is missing; with the jump host that misses it, if it is one.
    pub(super) fn way_in<'h>(&self, name: &str, host: &'h Host) -> Result<(), (Option<&'h str>, NoProof)> {
        self.proof(Some(name), &host.ssh).map_err(|why| (None, why))?;
        let Some(jump) = &host.jump else { return Ok(()) };
        let proof = self.proof(jump.is_host.then_some(&jump.name), &jump.endpoint);
        proof.map(drop).map_err(|why| (Some(jump.name.as_str()), why))
    }

    /// A password, else the key, else any key of the agent. The error completes "it has …".
    pub(super) fn proof(&self, server: Option<&str>, endpoint: &Endpoint) -> Result<Proof, NoProof> {
        if let Some(password) = server.and_then(|server| self.passwords.of(server)) {
            return Ok(Proof::Password(password.clone()));
        }
        let from_agent = |only| self.agent.clone().map(|socket| Proof::Agent(SshAgentKeys { socket, only }));
        match &endpoint.key {
            Some(Key::Private(key)) => Ok(Proof::Key(key.clone())),
            Some(Key::Held { identity, is_encrypted }) => from_agent(Some(identity.clone())).ok_or_else(|| {
                let path = identity.path.display();
                let what = if *is_encrypted { "an encrypted key" } else { "only a public key" };
                let or = if *is_encrypted {
                    format!("; or remove its passphrase: ssh-keygen -p -f {path}")
                } else {
                    String::new()
                };
                let what =
                    format!("{what} ({path}), and there is no SSH agent that could hold it (SSH_AUTH_SOCK is not set)");
                let help = format!("start an agent and add the key, `eval \"$(ssh-agent)\"; ssh-add`{or}");
                NoProof { what, help }
            }),
            None => from_agent(None).ok_or_else(|| {
                let help = "write `key: FILE` beside it, or name a file of passwords with --passwords, or start an \
                            SSH agent and add your key, `eval \"$(ssh-agent)\"; ssh-add`";
                NoProof { what: "no password and no `key`".into(), help: help.into() }
            }),
        }
    }

    /// The file, for people.
    pub fn file(&self) -> String {
        let source = self.inventory.infrastructure.source.as_ref();
        source.map_or_else(|| "the inventory".into(), |file| file.display().to_string())
    }

    /// The line that declares it, for people.
    pub fn place(&self, host: &Host) -> String {
        format!("{}:{}", self.file(), host.line)
    }

    fn no_way_in(&self, server: &str, host: &Host, detail: &str) -> ProviderError {
        self.unreached(server, host, detail.to_string())
    }

    /// An error about a server that names its line.
    pub fn unreached(&self, server: &str, host: &Host, detail: String) -> ProviderError {
        let server = match &host.ssh.address {
            Address::Name(name) if name == server => server.to_string(),
            address => format!("{server} ({address})"),
        };
        ProviderError::Unreached { place: self.place(host), server, detail }
    }

    /// An error of a session with a server, with the server's line.
    pub fn failed(&self, server: &str, host: &Host, why: RemoteError) -> ProviderError {
        let detail = match why {
            RemoteError::Connect { detail, .. } => {
                let help = what_to_do(&detail, host.ssh.port);
                detail + &help.map(|help| format!("\n  help: {help}")).unwrap_or_default()
            }
            why => why.to_string(),
        };
        self.unreached(server, host, detail)
    }
}

/// What to do where no connection came about.
fn what_to_do(detail: &str, port: u16) -> Option<String> {
    let is = |words: &[&str]| words.iter().any(|word| detail.contains(word));
    if is(&["Connection refused", "is not an SSH server's", "no SSH server answers"]) {
        let other = if port == 22 { "2222" } else { "22" };
        return Some(format!(
            "see that the address is right, and that sshd listens there; where it has another port, write it beside the host: \
             `port: {other}`"
        ));
    }
    is(&["timed out", "no answer in time", "No route to host", "unreachable"]).then(|| {
        format!("see that the address is right, that the server runs, and that no firewall drops what is sent to port {port}")
    })
}
