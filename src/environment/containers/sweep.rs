//! Everything of ours taken out of containers.

use std::path::PathBuf;

use crate::agent::sweep::{Swept, sweep};
use crate::docker::remote::ContainerRemote;
use crate::docker::{Container, Docker, enter};
use crate::provider::ProviderError;

/// What was found in a container that runs, and taken away; with `dry_run`, only looked for. One in which nothing of ours is
/// is not entered.
pub(in crate::environment) async fn one(
    docker: &Docker,
    server: &str,
    container: &Container,
    dry_run: bool,
) -> Result<Swept, ProviderError> {
    let folder = PathBuf::from(format!("/proc/{}/root/dev/{}", container.state.pid, enter::FOLDER));
    if folder.symlink_metadata().is_err() {
        return Ok(Swept::default());
    }
    let remote = ContainerRemote::new(docker.clone(), server, &container.id);
    sweep(&remote, dry_run).await.map_err(|why| ProviderError::Between(format!("{server}: {why}").into()))
}
