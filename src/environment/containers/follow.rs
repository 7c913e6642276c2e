//! What containers print, followed into the bundle of a scenario.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::provider::Lists;
use crate::docker::container::{Listed, inspect};
use crate::docker::{Docker, logs};

/// The file of what a server's containers print.
const LOG: &str = "container.log";
/// How often it is seen whether there are others.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// From the first line that a container printed.
const ALL: f64 = 0.0;

/// The containers of a scenario, while they are followed.
#[derive(Default)]
pub(in crate::environment) struct Following(Mutex<JoinSet<()>>);

impl Following {
    /// Follows what each container prints from now on, and all that those print that replace them, below the folder of all logs, until
    /// this is called again or the run ends.
    pub async fn begin(&self, lists: Arc<dyn Lists>, logs: PathBuf) {
        let mut tasks = self.0.lock().await;
        *tasks = JoinSet::new();
        tasks.spawn(follow(lists, logs, jiff::Timestamp::now().as_nanosecond() as f64 / 1e9));
    }

    /// None any more.
    pub async fn end(&self) {
        self.0.lock().await.shutdown().await;
    }
}

/// Never ends by itself.
async fn follow(lists: Arc<dyn Lists>, folder: PathBuf, now_s: f64) {
    let (mut known, mut following, mut since) = (BTreeSet::new(), JoinSet::new(), now_s);
    loop {
        // What can't be listed now is listed later.
        if let Ok(listing) = lists.list().await {
            for (docker, line) in listing.lines {
                // What had ended before is not of this scenario.
                let is_old = since != ALL && ["exited", "dead"].contains(&line.state.as_str());
                if known.insert(line.id.clone()) && !is_old {
                    follow_one(&*lists, docker, &line, &folder, since, &mut following).await;
                }
            }
            since = ALL;
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn follow_one(
    lists: &dyn Lists,
    docker: Docker,
    line: &Listed,
    folder: &Path,
    since: f64,
    following: &mut JoinSet<()>,
) {
    let Ok(container) = inspect(&docker, &line.id).await else { return };
    let Some(server) = lists.server_of(container.labels()) else { return };
    let folder = folder.join(server);
    match std::fs::create_dir_all(&folder) {
        Ok(()) => {
            following.spawn(logs::follow(docker, container.id, container.config.tty, folder.join(LOG), since));
        }
        Err(why) => tracing::warn!(%why, folder = %folder.display(), "no log is written"),
    }
}
