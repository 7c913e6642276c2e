//! A testbed: the site that `chimp up` keeps, in a sandbox of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reopen::{passwords_of, store, stored};
use super::{Access, Capabilities, Closed, Down, Ended, Kind, ReopenError, Reopened};
use crate::infrastructure::Infrastructure;
use crate::instance::{Instance, PowerOp, PowerState};
use crate::journal::Place;
use crate::settings::Settings;
use crate::testbed::cloud::TestbedCloud;
use crate::testbed::protocol::{Kept, Request, Response, TestbedId};
use crate::testbed::{self, TestbedError};

/// The kind.
pub struct Testbed;

#[derive(Serialize, Deserialize)]
struct Stored {
    /// The testbed's control socket.
    socket: PathBuf,
    /// Which testbed. `None`: whichever listens there; so do journals of earlier versions say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<TestbedId>,
}

impl Testbed {
    /// The place of whichever testbed listens at this socket.
    ///
    /// # Errors
    /// When the path can't be stored.
    pub fn place(socket: &Path) -> Result<Place, ReopenError> {
        store(&Testbed, &Stored { socket: socket.into(), id: None })
    }
}

impl Kind for Testbed {
    fn name(&self) -> &'static str {
        "testbed"
    }

    /// Its site is up before an attack begins, so a scenario has nothing to boot there.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            boots: false,
            attaches: false,
            logs_in: true,
            power: &PowerOp::ALL,
            floating_ips: false,
            auto_scaling: false,
            looks_up_names: false,
        }
    }

    fn takes(&self) -> Option<&'static str> {
        Some("SOCKET")
    }

    fn down(&self, value: &str, _access: &Access, _: &Settings, dry_run: bool) -> Result<Down, ReopenError> {
        let socket = if value.is_empty() { Path::new(testbed::SOCKET) } else { Path::new(value) };
        let testbed = testbed::Testbed::at(socket);
        let who = || -> Result<String, TestbedError> {
            if !dry_run {
                testbed.down()?;
                return Ok("it has ended, and its servers with it".into());
            }
            match testbed.ask(&Request::Who)? {
                Response::Testbed { pid, file } => Ok(format!("it runs: pid {pid}, with {}", file.display())),
                other => Err(testbed.unexpected(&other)),
            }
        };
        let told = who().map_err(|why| ReopenError::Provider(why.into()))?;
        Ok(Down::Ended(format!("the testbed at {}: {told}", socket.display())))
    }

    fn reopen(&self, value: &Value, passwords: Option<&Path>) -> Result<Reopened, ReopenError> {
        let Stored { socket, id: wanted } = stored(self, value)?;
        let cloud = TestbedCloud::open(&socket).map_err(|why| {
            if has_ended(&socket, &why) {
                let detail = format!("no testbed runs at {}; if one did, its servers ended with it", socket.display());
                return ReopenError::Gone { detail, help: NO_TESTBED };
            }
            ReopenError::Provider(why.into())
        })?;
        let Kept { id, infrastructure, .. } = cloud.kept().clone();
        if wanted.is_some() && wanted != id {
            let detail = format!(
                "the testbed has ended, and its servers with it; the one at {} now is another one, and was left alone",
                socket.display()
            );
            return Err(ReopenError::Gone { detail, help: "attack the new one with `chimp attack`" });
        }
        let place = store(self, &Stored { socket: socket.clone(), id })?;
        let instances = cloud.list_blocking().map_err(|why| ReopenError::Provider(why.into()))?;
        let ended = ended(&infrastructure, &instances);
        let passwords = passwords_of(passwords, &infrastructure)?;
        Ok(Reopened {
            place,
            whereabouts: format!("the testbed at {}", socket.display()),
            addresses: instances.into_iter().map(|one| (one.name, one.address.to_string())).collect(),
            provider: Arc::new(cloud.with_passwords(passwords)),
            infrastructure,
            ended,
            closed: Closed::new(),
        })
    }
}

/// What to do where no testbed runs.
const NO_TESTBED: &str = "start one with `chimp up FILE` in another terminal, and name its socket with `--on testbed=SOCKET` where it is another \
                          one; or attack the hosts of an inventory: `--on inventory=FILE`";

/// The declared servers of which no instance is left.
fn ended(infrastructure: &Infrastructure, instances: &[Instance]) -> Ended {
    let how = |server: &str| {
        let of: Vec<&Instance> = instances.iter().filter(|instance| instance.name == server).collect();
        let lives = of.iter().any(|instance| instance.state != PowerState::Terminated);
        let last = of.last().map_or("no instance of it is listed".into(), |last| last.state.to_string());
        (!lives).then_some(last)
    };
    let ended = infrastructure.servers.keys().filter_map(|server| Some((server.clone(), how(server)?)));
    ended.collect()
}

/// Whether there is no testbed, rather than one that can't be asked.
fn has_ended(socket: &Path, why: &TestbedError) -> bool {
    let TestbedError::Absent { source, .. } = why else { return false };
    let no_listener = matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
    no_listener && !testbed::Testbed::lives(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_testbed_that_has_ended_says_so_and_one_that_can_t_be_asked_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("testbed.sock");
        let reopened = || {
            let place = Testbed::place(&socket).unwrap();
            Testbed.reopen(&place.value, None).map(|_| ()).unwrap_err()
        };
        assert!(matches!(reopened(), ReopenError::Gone { detail, .. } if detail.contains("no testbed runs at")));
        let (lock, listener) = testbed::SocketLock::take(&socket).unwrap();
        std::fs::remove_file(&socket).unwrap();
        assert!(matches!(reopened(), ReopenError::Provider(_)), "it lives, though its socket was removed");
        drop((lock, listener));
    }
}
