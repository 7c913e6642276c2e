//! Steps on databases of a cloud, whose API bounds how often instances are listed.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::*;
use crate::clock::Clock;
use crate::history::Recorder;
use crate::infrastructure::{Infrastructure, file};
use crate::instance::{Command, FileSpec, Instance, InstanceId, InstanceSpec, Output, PowerOp, PowerState};
use crate::provider::{Provider, ProviderError, Remote, RemoteError};
use crate::render::{Addresses, Secrets};
use crate::settings::Settings;
use crate::site::topology_lock::TopologyLock;

/// From one list to the next, at least.
const EVERY: Duration = Duration::from_secs(1);

/// The databases of figure 1. An answer is shared by all who asked before it was asked for.
struct Cloud {
    infrastructure: Arc<Infrastructure>,
    asked: Mutex<Option<Instant>>,
    lists: AtomicUsize,
    writable: Arc<Mutex<BTreeSet<String>>>,
}

#[async_trait]
impl Provider for Cloud {
    async fn boot(&self, _: &InstanceSpec) -> Result<Instance, ProviderError> {
        unreachable!("nothing boots here")
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        let called = Instant::now();
        let mut asked = self.asked.lock().await;
        if asked.is_none_or(|asked| asked < called) {
            sleep_until(asked.map_or(called, |asked| asked + EVERY)).await;
            *asked = Some(Instant::now());
            self.lists.fetch_add(1, Ordering::SeqCst);
        }
        let instance = |server: &String| Instance {
            id: InstanceId(format!("{server}.1")),
            name: server.clone(),
            address: Ipv4Addr::LOCALHOST,
            state: PowerState::Running,
            evidence: "it says so".into(),
            first_process: None,
            changed: None,
        };
        Ok(self.infrastructure.servers.keys().map(instance).collect())
    }

    async fn power(&self, _: &InstanceId, _: PowerOp) -> Result<(), ProviderError> {
        unreachable!("nothing is switched here")
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Ok(Box::new(Shell { server: instance.name.clone(), writable: Arc::clone(&self.writable) }))
    }
}

struct Shell {
    server: String,
    writable: Arc<Mutex<BTreeSet<String>>>,
}

#[async_trait]
impl Remote for Shell {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        let (words, mut writable) = (command.argv.concat(), self.writable.lock().await);
        if words.contains("read_only=0") {
            writable.insert(self.server.clone());
        } else if words.contains("read_only=1") {
            writable.remove(&self.server);
        }
        let read_only = u8::from(!writable.contains(&self.server));
        let number = self.server.trim_start_matches("db-");
        let stdout = format!("**** 1. row\n@@read_only: {read_only}\n@@server_id: 1{number}\n");
        Ok(Output { status: Some(0), stdout, stderr: String::new() })
    }

    async fn upload(&self, _: &FileSpec) -> Result<(), RemoteError> {
        unreachable!("nothing is written here")
    }

    async fn knock(&self, _: Duration) -> Result<(), RemoteError> {
        Ok(())
    }
}

fn site(writable: &[&str]) -> (Arc<Cloud>, Site) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/figure-1.yaml");
    let infrastructure = Arc::new(file::read(&path).unwrap());
    let writable = Arc::new(Mutex::new(writable.iter().map(ToString::to_string).collect()));
    let (asked, lists) = (Mutex::default(), AtomicUsize::new(0));
    let cloud = Arc::new(Cloud { infrastructure: Arc::clone(&infrastructure), asked, lists, writable });
    let addresses = Addresses::assign(&infrastructure, |n| Ipv4Addr::from(0xC612_0002 + u32::from(n)), 24);
    let provider = Arc::clone(&cloud) as Arc<dyn Provider>;
    let (settings, recorder) = (Settings::default(), Recorder::memory(Clock::start()).0);
    let (secrets, databases) = (Secrets::of("a test"), TopologyLock::default());
    (cloud, Site { infrastructure, addresses, entry: None, settings, provider, recorder, secrets, databases })
}

/// How many lists it takes, on a cloud that was just asked for one.
async fn lists(cloud: &Cloud, work: impl Future<Output = ()>) -> usize {
    cloud.list().await.unwrap();
    let before = cloud.lists.load(Ordering::SeqCst);
    work.await;
    cloud.lists.load(Ordering::SeqCst) - before
}

#[tokio::test]
async fn all_databases_are_looked_at_by_one_list() {
    let (cloud, site) = site(&[]);
    let looked = async { assert_eq!(greatest_id(&site).await.unwrap(), 14) };
    assert_eq!(lists(&cloud, looked).await, 1);
}

#[tokio::test]
async fn two_databases_are_connected_to_by_one_list() {
    let (cloud, site) = site(&[]);
    let connected = async { drop(DatabaseConnection::both(&site, "db-1", "db-2").await.unwrap()) };
    assert_eq!(lists(&cloud, connected).await, 1);
}

#[tokio::test]
async fn a_promotion_is_seen_to_be_the_only_one_by_one_list_more() {
    let (cloud, site) = site(&[]);
    let promoted = async { drop(promote(&site, "db-2").await.unwrap()) };
    assert_eq!(lists(&cloud, promoted).await, 2);
}

#[tokio::test]
async fn a_promotion_beside_another_is_taken_back() {
    let (cloud, site) = site(&["db-3"]);
    let why = promote(&site, "db-2").await.unwrap_err();
    assert!(matches!(&why, DatabaseError::NotSo { found, .. } if found == "db-3 may be, too"), "{why}");
    assert_eq!(*cloud.writable.lock().await, ["db-3".to_string()].into());
}
