//! Leases on what is done to a container from outside: pauses and stops.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::docker::{Container, Docker};
use crate::environment::cloud::lease::{Leases, undo_if_asked};
use crate::instance::{InstanceId, PowerOp};

/// The hidden first argument of what undoes a switch when its lease is over.
const UNDO: &str = "__container-undo";

/// Those that this process begins.
pub(super) fn leases() -> Leases {
    Leases::new("container")
}

/// A container as leases name it: every process counts its instances for itself.
pub(super) fn leased(container: &Container) -> InstanceId {
    InstanceId(container.id.clone())
}

/// The words by which this program is asked to end it.
pub(super) fn undo(docker: &Docker, container: &Container, op: PowerOp) -> Vec<String> {
    vec![UNDO.into(), docker.socket().display().to_string(), container.id.clone(), op.word().into()]
}

/// Ends a lease, if this program was started for it.
pub(in crate::environment) fn run_if_asked() -> Option<ExitCode> {
    undo_if_asked(UNDO, async |socket, id, undo| undone(&Docker::at(Path::new(socket)), id, undo).await)
}

/// Undoes what a lease was on: with the daemon, a container's id, and what is to be done to it.
///
/// # Errors
/// In words, why it was not.
pub(super) async fn undone(docker: &Docker, id: &str, undo: &str) -> Result<(), String> {
    let what = if undo == PowerOp::Thaw.word() { "unpause" } else { "start" };
    match docker.post(&format!("/containers/{id}/{what}"), Duration::ZERO).await {
        // A container that is gone, or goes on already, has nothing to be undone.
        Err(why) if why.is_absent() || why.is_conflict() => Ok(()),
        done => done.map_err(|why| why.to_string()),
    }
}
