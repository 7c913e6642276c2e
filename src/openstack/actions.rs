//! What is done to servers that are there: their power, their removal, their console. A locked server is left alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, Service, longer};
use super::error::CloudError;
use super::servers::{self, Server, Status};

/// How long something else that Nova does with a server is waited for.
const BUSY: Duration = Duration::from_secs(60);

/// Something that Nova can do to a server's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Stop,
    Start,
    /// Asks the guest to shut down first.
    SoftReboot,
    Pause,
    Unpause,
    Suspend,
    Resume,
}

impl Action {
    fn body(self) -> Value {
        match self {
            Action::Stop => json!({ "os-stop": null }),
            Action::Start => json!({ "os-start": null }),
            Action::SoftReboot => json!({ "reboot": { "type": "SOFT" } }),
            Action::Pause => json!({ "pause": null }),
            Action::Unpause => json!({ "unpause": null }),
            Action::Suspend => json!({ "suspend": null }),
            Action::Resume => json!({ "resume": null }),
        }
    }

    /// The status that the server has when it is done.
    pub(super) fn leads_to(self) -> Status {
        match self {
            Action::Stop => Status::Shutoff,
            Action::Pause => Status::Paused,
            Action::Suspend => Status::Suspended,
            Action::Start | Action::SoftReboot | Action::Unpause | Action::Resume => Status::Active,
        }
    }

    /// Whether nothing is to be done where the server has that status already.
    fn is_done_at(self, status: &Status) -> bool {
        self != Action::SoftReboot && *status == self.leads_to()
    }
}

/// Asks Nova for an action, and returns before it is done. Idempotent, but for reboots. What Nova does with the server already is waited for.
///
/// # Errors
/// The server is locked, gone, or stays busy; its state does not allow the action; or Nova can't be asked.
pub(crate) async fn start(client: &Client, id: &str, action: Action) -> Result<(), CloudError> {
    let (started, mut pause, mut unclear) = (Instant::now(), client.patience.first_pause, 0);
    loop {
        let server = unlocked(client, id).await?;
        // Nova does not find one that is about to be built.
        let idle = server.task.is_none() && server.status != Status::Build;
        if idle && action.is_done_at(&server.status) {
            return Ok(());
        }
        let met = match idle {
            true => client.post(Service::Nova, &format!("servers/{id}/action"), &action.body()).await.err(),
            false => None,
        };
        match met {
            None if idle => return Ok(()),
            // It was carried out, or Nova still does something else.
            Some(why) if why.is_unclear() && unclear < client.patience.attempts => {
                if is_reboot(action) {
                    return rebooted_after(client, id, why).await;
                }
                unclear += 1;
            }
            Some(why) if !why.is_conflict() || !is_busy(client, id).await? => return Err(of_server(why, id)),
            _ if started.elapsed() >= BUSY => {
                let task = server.task.unwrap_or_else(|| "Nova does something else with it".into());
                return Err(CloudError::Busy { server: server.name, task, within: BUSY });
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
        pause = longer(pause);
    }
}

fn is_reboot(action: Action) -> bool {
    action == Action::SoftReboot
}

/// A second reboot would be seen, so none is asked for where the first may be under way.
async fn rebooted_after(client: &Client, id: &str, why: CloudError) -> Result<(), CloudError> {
    let is_rebooting = servers::get(client, id).await?.task.is_some_and(|task| task.starts_with("reboot"));
    if is_rebooting { Ok(()) } else { Err(why) }
}

async fn is_busy(client: &Client, id: &str) -> Result<bool, CloudError> {
    let server = unlocked(client, id).await?;
    Ok(server.task.is_some() || server.status == Status::Build)
}

/// The server, if it is not locked. An operator's account could act on a locked one, so it is looked at first.
async fn unlocked(client: &Client, id: &str) -> Result<Server, CloudError> {
    let server = servers::get(client, id).await?;
    if server.locked { Err(CloudError::Locked(server.name)) } else { Ok(server) }
}

fn of_server(why: CloudError, id: &str) -> CloudError {
    if why.is_not_found() { CloudError::Gone(id.into()) } else { why }
}

/// Has a server removed, and returns before it is gone: [`servers::await_gone`] waits for that. One that is gone already is
/// no error.
///
/// # Errors
/// It is locked, or stays busy, or Nova can't be asked.
pub(crate) async fn delete(client: &Client, id: &str) -> Result<(), CloudError> {
    let (started, mut pause) = (Instant::now(), client.patience.first_pause);
    loop {
        match unlocked(client, id).await {
            Err(CloudError::Gone(_)) => return Ok(()),
            Err(why) => return Err(why),
            Ok(server) if server.task.as_deref() == Some("deleting") => return Ok(()),
            Ok(_) => {}
        }
        match client.delete(Service::Nova, &format!("servers/{id}")).await {
            Err(why) if why.is_conflict() && started.elapsed() < BUSY => tracing::info!(%why, "asked again"),
            done => return done.map(drop),
        }
        tokio::time::sleep(pause).await;
        pause = longer(pause);
    }
}

/// The last lines of a server's console; `None` where it has none yet.
///
/// # Errors
/// The server is gone, the cloud keeps no consoles, or Nova can't be asked.
pub(crate) async fn console(client: &Client, id: &str, lines: u32) -> Result<Option<String>, CloudError> {
    let body = json!({ "os-getConsoleOutput": { "length": lines } });
    match client.ask(Service::Nova, &format!("servers/{id}/action"), &body).await {
        Ok(answer) => Ok(answer["output"].as_str().map(String::from)),
        Err(why) if why.is_conflict() => Ok(None),
        Err(why) => Err(of_server(why, id)),
    }
}
