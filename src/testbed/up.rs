//! The testbed of `chimp up`: brings a site up in a sandbox, and answers until it is ended.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::SOCKET;
use super::lease::Power;
use super::life::{self, Inside, KeepError, UpError};
use super::protocol::{Kept, TestbedId};
use super::server::{Keeps, RequestHandler};
use crate::clock::Clock;
use crate::console::put;
use crate::failover::Failover;
use crate::history::Recorder;
use crate::infrastructure::Infrastructure;
use crate::provider::Provider;
use crate::provider::local::{LocalCloud, Zygote};
use crate::provision::{lead_floating_ips, provision};
use crate::render::{Addresses, Secrets};
use crate::settings::Settings;
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

/// Keeps the infrastructure up until Ctrl-C or `chimp down`; then everything is gone. Returns the exit code. Must be
/// called while the process has one thread.
///
/// # Errors
/// When its place is taken or there can be no sandbox; what goes wrong inside is told on stderr.
pub fn up(options: &UpOptions) -> Result<u8, UpError> {
    life::live(&options.socket, options.logs.clone(), |inside| live(options, inside))
}

/// Until somebody ends it.
async fn live(options: &UpOptions, inside: Inside) -> Result<(), KeepError> {
    let site = site(options, &inside.zygote, &inside.cloud);
    let (up, ready) = watch::channel(false);
    let kept = Kept {
        id: Some(TestbedId::draw()),
        infrastructure: options.infrastructure.clone(),
        addresses: site.addresses.clone(),
    };
    let cloud = Arc::clone(&inside.cloud);
    let provider = Arc::clone(&cloud) as Arc<dyn Provider>;
    let (pid, key) = (inside.pid, inside.zygote.key());
    let handler = |down| RequestHandler {
        pid,
        file: options.file.clone(),
        keeps: Keeps::Infrastructure(Box::new(kept)),
        power: Power::new(Arc::clone(&provider)),
        provider,
        key,
        for_tests: options.for_tests,
        ready,
        down,
    };
    let keeping_up = async {
        let begun = Instant::now();
        lead_floating_ips(&cloud, &site.infrastructure, &site.addresses).await?;
        provision(&site).await?;
        let _failover = Failover::start(&site);
        show(options, &site, begun.elapsed());
        up.send_replace(true);
        std::future::pending::<Result<Infallible, KeepError>>().await
    };
    inside.answer(handler, keeping_up).await
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
        let how = if ip.floating_ip { "led to one of" } else { "shared by" };
        [ip.name.clone(), format!("{how} {}", ip.holders.join(", ")), address, "-".into(), "-".into()]
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
