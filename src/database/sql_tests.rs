//! Waiting for a database that never answers: only as long as it still may.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::clock::Clock;
use crate::history::Recorder;
use crate::infrastructure::file;
use crate::instance::{FileSpec, InstanceId, InstanceSpec, Output, PowerOp};
use crate::provider::{Provider, ProviderError, RemoteError};
use crate::render::{Addresses, Secrets};
use crate::settings::Settings;
use crate::site::topology_lock::TopologyLock;

const SERVER: &str = "db-1";
/// Nobody waits for so long here: what is not over at once would be seen to hang.
const LONG: Duration = Duration::from_secs(3600);

/// One database that never answers; what is seen of it otherwise can change.
struct Silent {
    state: Mutex<PowerState>,
    empty: Arc<AtomicBool>,
}

#[async_trait]
impl Provider for Silent {
    async fn boot(&self, _: &InstanceSpec) -> Result<Instance, ProviderError> {
        unreachable!("nothing boots here")
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        Ok(vec![Instance {
            id: InstanceId(format!("{SERVER}.1")),
            name: SERVER.into(),
            address: Ipv4Addr::LOCALHOST,
            state: *self.state.lock().unwrap(),
            evidence: "it says so".into(),
            first_process: None,
            changed: None,
        }])
    }

    async fn power(&self, _: &InstanceId, _: PowerOp) -> Result<(), ProviderError> {
        unreachable!("nothing is switched here")
    }

    async fn connect(&self, _: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Ok(Box::new(Shell { empty: Arc::clone(&self.empty) }))
    }
}

struct Shell {
    empty: Arc<AtomicBool>,
}

#[async_trait]
impl Remote for Shell {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        let looks = command.argv.iter().any(|word| word == LOOK);
        let (status, stdout) =
            if looks && self.empty.load(Ordering::SeqCst) { (0, EMPTY.to_string()) } else { (1, String::new()) };
        Ok(Output { status: Some(status), stdout, stderr: "can't connect".into() })
    }

    async fn upload(&self, _: &FileSpec) -> Result<(), RemoteError> {
        unreachable!("nothing is written here")
    }

    async fn knock(&self, _: Duration) -> Result<(), RemoteError> {
        Ok(())
    }
}

fn site() -> (Arc<Silent>, Site) {
    let silent = Arc::new(Silent { state: Mutex::new(PowerState::Running), empty: Arc::default() });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/figure-1.yaml");
    let infrastructure = Arc::new(file::read(&path).unwrap());
    let addresses = Addresses::assign(&infrastructure, |n| Ipv4Addr::from(0xC612_0002 + u32::from(n)), 24);
    let provider = Arc::clone(&silent) as Arc<dyn Provider>;
    let (settings, recorder) = (Settings::default(), Recorder::memory(Clock::start()).0);
    let (secrets, databases) = (Secrets::of("a test"), TopologyLock::default());
    (silent, Site { infrastructure, addresses, entry: None, settings, provider, recorder, secrets, databases })
}

/// What came of waiting for it.
async fn waited(connection: DatabaseConnection<'_>, within: Duration) -> DatabaseError {
    connection.until("it answers", within, |_| true).await.expect_err("it never answers")
}

#[tokio::test]
async fn one_that_is_silent_is_waited_for_as_long_as_was_said() {
    let (_, site) = site();
    let connection = DatabaseConnection::on(&site, SERVER).await.unwrap();
    let why = waited(connection, Duration::ZERO).await;
    assert!(matches!(&why, DatabaseError::NotInTime { last, .. } if last.contains("can't connect")), "{why}");
}

#[tokio::test]
async fn one_that_is_gone_is_not_waited_for() {
    let (silent, site) = site();
    let connection = DatabaseConnection::on(&site, SERVER).await.unwrap();
    *silent.state.lock().unwrap() = PowerState::Terminated;
    let why = waited(connection, LONG).await;
    assert!(matches!(&why, DatabaseError::Gone(server) if server == SERVER), "{why}");
}

#[tokio::test]
async fn one_in_whose_place_another_is_without_data_is_not_waited_for() {
    let (silent, site) = site();
    let connection = DatabaseConnection::on(&site, SERVER).await.unwrap();
    silent.empty.store(true, Ordering::SeqCst);
    let why = waited(connection, LONG).await;
    assert!(matches!(&why, DatabaseError::NotSo { server, .. } if server == SERVER), "{why}");
}
