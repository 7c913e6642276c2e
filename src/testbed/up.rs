//! A testbed's life: takes the lock of its socket, enters the sandbox, brings the site up, answers, ends.

use std::convert::Infallible;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::lease::Power;
use super::protocol::{Kept, TestbedId};
use super::server::{RequestHandler, serve};
use super::{SOCKET, SocketLock, SocketLockError};
use crate::clock::Clock;
use crate::console::{complain, put};
use crate::exit;
use crate::history::Recorder;
use crate::infrastructure::Infrastructure;
use crate::provider::local::sandbox::{self, SandboxError};
use crate::provider::local::{self, LocalCloud, Zygote};
use crate::provider::{Provider, ProviderError};
use crate::provision::{ProvisionError, provision};
use crate::render::{Addresses, Secrets};
use crate::settings::Settings;
use crate::signals;
use crate::site::Site;
use crate::site::topology_lock::TopologyLock;
use crate::units::show_duration;

/// What is kept, and how.
#[derive(Debug, Clone)]
pub struct UpOptions {
    /// What should be.
    pub infrastructure: Infrastructure,
    /// Its file.
    pub file: PathBuf,
    /// What roles are rendered with.
    pub settings: Settings,
    /// Where the testbed listens.
    pub socket: PathBuf,
    /// Where services log, `DIR/<server>/<service>.log`; in the sandbox, and gone with it, where none is named.
    pub logs: Option<PathBuf>,
    /// Whether what is only for tests is answered.
    pub for_tests: bool,
}

/// Why a testbed did not come up, or came to a bad end.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Its place is taken.
    #[error(transparent)]
    SocketLock(#[from] SocketLockError),
    /// There is no sandbox, or no longer.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Why a testbed that was in its sandbox could not go on.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("the testbed can't run here: {0}")]
    Runtime(#[from] io::Error),
}

/// Keeps the infrastructure up until Ctrl-C or `chimp down`; then everything is gone. Returns the exit code. Must be
/// called while the process has one thread.
///
/// # Errors
/// When its place is taken or there can be no sandbox; what goes wrong inside is told on stderr.
pub fn up(options: &UpOptions) -> Result<u8, UpError> {
    let (_lock, listener) = SocketLock::take(&options.socket)?;
    let pid = std::process::id();
    Ok(sandbox::enter(|zygote| match keep(options, zygote, listener, pid) {
        Ok(()) => exit::PASS,
        Err(why) => {
            complain!("chimp: {why}");
            exit::COULD_NOT_TELL
        }
    })?)
}

fn keep(options: &UpOptions, zygote: Zygote, listener: UnixListener, pid: u32) -> Result<(), KeepError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let kept = runtime.block_on(async {
        let logs = options.logs.clone().unwrap_or_else(|| local::memory().join("logs"));
        let cloud = Arc::new(LocalCloud::create(&zygote, 0, logs).await?);
        let lived = live(options, &zygote, &cloud, listener, pid).await;
        let closed = cloud.close().await;
        lived.and(closed.map_err(KeepError::from))
    });
    runtime.shutdown_background();
    kept
}

/// Until somebody ends it.
async fn live(
    options: &UpOptions,
    zygote: &Zygote,
    cloud: &Arc<LocalCloud>,
    listener: UnixListener,
    pid: u32,
) -> Result<(), KeepError> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let site = site(options, zygote, cloud);
    let (up, ready) = watch::channel(false);
    let (down, mut downs) = mpsc::channel(1);
    let handler = RequestHandler {
        pid,
        file: options.file.clone(),
        kept: Kept {
            id: Some(TestbedId::draw()),
            infrastructure: options.infrastructure.clone(),
            addresses: site.addresses.clone(),
        },
        provider: Arc::clone(cloud) as Arc<dyn Provider>,
        power: Power::new(Arc::clone(cloud) as Arc<dyn Provider>),
        key: zygote.key(),
        for_tests: options.for_tests,
        ready,
        down,
    };
    let answering = tokio::spawn(serve(listener, Arc::new(handler)));
    let keeping_up = async {
        let begun = Instant::now();
        provision(&site).await?;
        show(options, &site, begun.elapsed());
        up.send_replace(true);
        std::future::pending::<Result<Infallible, KeepError>>().await
    };
    let ended = tokio::select! {
        failed = keeping_up => failed.map(|never| match never {}),
        signal = signals::interrupted() => Ok(signal),
        _ = downs.recv() => Ok("asked to end"),
    };
    answering.abort();
    complain!("{}: taking everything down", ended.as_ref().unwrap_or(&"it failed"));
    ended.map(drop)
}

fn site(options: &UpOptions, zygote: &Zygote, cloud: &Arc<LocalCloud>) -> Site {
    let infrastructure = Arc::new(options.infrastructure.clone());
    Site {
        entry: None,
        // The first address of the network is the bridge's.
        addresses: Addresses::assign(&infrastructure, |n| cloud.address(n + 2), cloud.prefix()),
        infrastructure,
        settings: options.settings.clone(),
        provider: Arc::clone(cloud) as Arc<dyn Provider>,
        recorder: Recorder::memory(Clock::start()).0,
        secrets: Secrets::of(&zygote.key()),
        databases: TopologyLock::default(),
    }
}

/// Says what is there and how it is attacked.
fn show(options: &UpOptions, site: &Site, took: Duration) {
    let took = show_duration(Duration::from_millis(took.as_millis() as u64));
    let testbed = match options.socket == Path::new(SOCKET) {
        true => String::new(),
        false => format!(" --testbed {}", options.socket.display()),
    };
    put!(
        "{} is up, after {took}:\n\n{}\nattack it from another terminal:\n  chimp attack random{testbed}\nend it with \
         Ctrl-C, or:\n  chimp down{testbed}\n",
        options.file.display(),
        table(&options.infrastructure, &site.addresses),
    );
}

/// Name, role, address, zone and tags of every server, then the virtual IPs.
fn table(infrastructure: &Infrastructure, addresses: &Addresses) -> String {
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
    let heads = ["server", "role", "address", "zone", "tags"].map(String::from);
    let servers = infrastructure.in_order().into_iter().map(|server| {
        let address = addresses.servers.get(&server.name).map(ToString::to_string);
        let zone = or_dash(server.zone.clone().unwrap_or_default());
        let role = if server.spare { format!("{} (spare)", server.role) } else { server.role.clone() };
        [server.name.clone(), role, address.unwrap_or_default(), zone, or_dash(server.tags.join(", "))]
    });
    let shared = infrastructure.virtual_ips.iter().map(|ip| {
        let address = addresses.virtual_ips.get(&ip.name).map(ToString::to_string).unwrap_or_default();
        [ip.name.clone(), format!("shared by {}", ip.holders.join(", ")), address, "-".into(), "-".into()]
    });
    let rows: Vec<[String; 5]> = std::iter::once(heads).chain(servers).chain(shared).collect();
    let widths = [0, 1, 2, 3, 4].map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; 5]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_table_names_everything_that_can_be_hit() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/two-zones.yaml");
        let site = crate::infrastructure::file::read(&file).unwrap();
        let addresses = Addresses::assign(&site, |n| Ipv4Addr::from(0xC612_0002 + u32::from(n)), 22);
        insta::assert_snapshot!(table(&site, &addresses));
    }
}
