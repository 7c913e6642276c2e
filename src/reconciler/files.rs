//! The files that servers were given, and those that they should have now.
//!
//! What each server was last given is remembered by its digest, on disk: a change that a dead reconciler had decided
//! (a spare that takes a place) is carried out by the next one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;
use sha2::{Digest, Sha256};

use super::Failure;
use super::replace::{ReplaceContext, runs};
use super::state::{Known, Store};
use crate::history::Event;
use crate::instance::{Command, FileContent, FileSpec, Instance};
use crate::provider::ProviderError;
use crate::site::{BootError, Site};

/// What a file is known by: path → digest.
pub(super) type Digests = BTreeMap<PathBuf, String>;

/// The digests of what a server would be booted with now.
pub(super) fn digests(site: &Site, server: &str) -> Digests {
    let files = site.user_data(server).map(|data| data.files).unwrap_or_default();
    files.iter().map(|file| (file.path.clone(), digest(file))).collect()
}

/// What is known of servers that were just provisioned as a site says.
pub fn as_provisioned(site: &Site) -> BTreeMap<String, Known> {
    let servers = site.infrastructure.servers.values().map(|server| {
        let (role, files) = (Some(server.role.clone()), digests(site, &server.name));
        (server.name.clone(), Known { role, files, ..Known::default() })
    });
    servers.collect()
}

fn digest(file: &FileSpec) -> String {
    let mut hash = Sha256::new();
    hash.update(file.mode.to_le_bytes());
    match &file.content {
        FileContent::Text(text) => hash.update(text.as_bytes()),
        FileContent::Bytes(bytes) => hash.update(bytes),
        FileContent::CopyOf(path) | FileContent::Program(path) => hash.update(path.as_os_str().as_encoded_bytes()),
        FileContent::MadeBy { key, .. } => hash.update(key.as_bytes()),
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the files of every server that are no longer what they should be, and lets its services take them in.
/// What fails is recorded. Whether none of those that run failed: who does not run gets its files when it is replaced.
pub(super) async fn refresh(context: &ReplaceContext) -> bool {
    let (site, within) = (context.site(), context.within());
    let failed = |server: &str, why: Failure| {
        context.record(Event::ReconcilerFailed { server: server.into(), detail: why.to_string() });
        false
    };
    let instances = match Failure::in_time("listing the instances", within, site.provider.list()).await {
        Ok(Ok(instances)) => instances,
        Ok(Err(why)) => return failed("(all)", why.into()),
        Err(why) => return failed("(all)", why),
    };
    let running = site.infrastructure.servers.keys().filter_map(|server| {
        let of_it = |instance: &&Instance| instance.name == *server && runs(instance);
        Some((server, instances.iter().rev().find(of_it)?))
    });
    let written = running.map(async |(server, instance)| {
        let refreshed = refresh_one(&site, &context.store, server, instance, within).await;
        refreshed.map_or_else(|why| failed(server, why), |()| true)
    });
    join_all(written).await.into_iter().all(|well| well)
}

/// The same for one server.
///
/// # Errors
/// When it can't be reached, or the state can't be written.
pub(super) async fn refresh_one(
    site: &Site,
    store: &Store,
    server: &str,
    instance: &Instance,
    within: Duration,
) -> Result<(), Failure> {
    let known = store.now().servers.get(server).map(|known| known.files.clone()).unwrap_or_default();
    let files = site.user_data(server).map_err(BootError::from)?.files;
    let changed: Vec<&FileSpec> = files.iter().filter(|file| known.get(&file.path) != Some(&digest(file))).collect();
    if changed.is_empty() {
        return Ok(());
    }
    Failure::in_time("writing its files", within, write(site, server, instance, &changed)).await??;
    let given = digests(site, server);
    store.change(|state| state.servers.entry(server.to_string()).or_default().files = given)?;
    let paths = changed.iter().map(|file| file.path.display().to_string()).collect();
    site.recorder.record(Event::ReconcilerRefreshed { server: server.into(), files: paths });
    Ok(())
}

async fn write(site: &Site, server: &str, instance: &Instance, files: &[&FileSpec]) -> Result<(), ProviderError> {
    let remote = site.provider.connect(instance).await?;
    for file in files {
        remote.upload(file).await?;
    }
    if let Some(reload) = &site.role(server).reload {
        remote.exec(&Command::new(reload.iter().cloned())).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str, mode: u32) -> FileSpec {
        FileSpec { path: path.into(), content: FileContent::Text(text.into()), mode }
    }

    #[test]
    fn a_file_is_another_when_its_content_or_permissions_are() {
        let hosts = digest(&file("/etc/hosts", "127.0.0.1 localhost\n", 0o644));
        assert_eq!(hosts, digest(&file("/elsewhere", "127.0.0.1 localhost\n", 0o644)));
        assert_ne!(hosts, digest(&file("/etc/hosts", "127.0.0.1 localhost\n", 0o600)));
        assert_ne!(hosts, digest(&file("/etc/hosts", "", 0o644)));
    }
}
