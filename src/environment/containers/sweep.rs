//! Everything of ours taken out of containers.

use std::path::PathBuf;

use super::lease::{leased, leases, undone};
use crate::agent::sweep::{Swept, sweep};
use crate::docker::remote::ContainerRemote;
use crate::docker::{Container, Docker, enter};
use crate::instance::{Plug, PowerOp};
use crate::provider::ProviderError;

/// What was found on a container and in it, and taken away; with `dry_run`, only looked for. One in which nothing of ours is
/// is not entered. `None`: it does not run, and not because of a strike.
pub(in crate::environment) async fn one(
    docker: &Docker,
    server: &str,
    container: &Container,
    dry_run: bool,
) -> Option<Result<Swept, ProviderError>> {
    let outside = switched(docker, container, dry_run).await;
    if !container.runs() {
        return (!outside.is_clean()).then_some(Ok(outside));
    }
    let inside = within(docker, server, container, dry_run).await;
    Some(inside.map(|inside| {
        let failed = [outside.failed, inside.failed].concat();
        Swept { switched: outside.switched, notes: outside.notes, failed, ..inside }
    }))
}

/// What a strike did from outside, and a lease will undo: it is undone now.
async fn switched(docker: &Docker, container: &Container, dry_run: bool) -> Swept {
    let (leases, id) = (leases(), leased(container));
    let mut swept = Swept::default();
    let (what, undo) = match (container.state.paused, container.runs()) {
        (true, _) => ("it is paused", Some(PowerOp::Thaw)),
        (false, false) => ("it is stopped", Some(PowerOp::Start)),
        (false, true) => ("it runs", None),
    };
    if !leases.is_on(&id, Plug::Power) {
        if container.state.paused {
            swept
                .notes
                .push("it is paused, and not by chimp as far as is known; `docker unpause` lets it go on".into());
        }
        return swept;
    }
    swept.switched.push(format!("{what}, under the lease of a strike"));
    if dry_run {
        return swept;
    }
    let done = match undo {
        Some(undo) => undone(docker, &container.id, undo.word()).await,
        None => Ok(()),
    };
    match done {
        Ok(()) => leases.call_off(&id, Plug::Power).await,
        Err(why) => swept.failed.push(format!("{what}: {why}")),
    }
    swept
}

async fn within(docker: &Docker, server: &str, container: &Container, dry_run: bool) -> Result<Swept, ProviderError> {
    // Of one on another machine nothing is to be seen, and nothing was made in it from here.
    let Some(first) = container.first_process() else { return Ok(Swept::default()) };
    let folder = PathBuf::from(format!("/proc/{}/root/dev/{}", first.pid, enter::FOLDER));
    if folder.symlink_metadata().is_err() {
        return Ok(Swept::default());
    }
    let remote = ContainerRemote::new(docker.clone(), server, &container.id);
    sweep(&remote, dry_run).await.map_err(|why| ProviderError::Between(format!("{server}: {why}").into()))
}
