//! Everything of ours taken out of the containers of a project.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::names::server_name;
use crate::agent::sweep::{Swept, sweep};
use crate::docker::remote::ContainerRemote;
use crate::docker::{Container, Docker, Project, enter};
use crate::provider::ProviderError;

/// What was found in each container that runs, and taken away; with `dry_run`, only looked for. One in which nothing of ours is
/// is not entered.
pub(super) async fn each(
    docker: &Docker,
    project: &Project,
    dry_run: bool,
) -> BTreeMap<String, Result<Swept, ProviderError>> {
    let mut swept = BTreeMap::new();
    for container in project.containers.iter().filter(|container| container.runs()) {
        let Some((service, number)) = container.of_service() else { continue };
        let server = server_name(service, number);
        let found = one(docker, &server, container, dry_run).await;
        swept.insert(server, found);
    }
    swept
}

async fn one(docker: &Docker, server: &str, container: &Container, dry_run: bool) -> Result<Swept, ProviderError> {
    let folder = PathBuf::from(format!("/proc/{}/root/dev/{}", container.state.pid, enter::FOLDER));
    if folder.symlink_metadata().is_err() {
        return Ok(Swept::default());
    }
    let remote = ContainerRemote::new(docker.clone(), server, &container.id);
    sweep(&remote, dry_run).await.map_err(|why| ProviderError::Between(format!("{server}: {why}").into()))
}
