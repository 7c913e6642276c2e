//! Nova: the servers that it lists, what it is asked for, and what its words say.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::groups::{self as own_groups, RunGroups};
use super::{account, network};
use crate::environment::cloud::isolation::{Isolates, Isolation, Ports};
use crate::environment::cloud::{Api, CloudServer, lease};
use crate::instance::{PowerOp, PowerState};
use crate::openstack::actions::{self, Action};
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::groups;
use crate::openstack::mark::Mark;
use crate::openstack::servers::{self, Server, Status};
use crate::provider::ProviderError;
use crate::settings::OpenStackSettings;

/// The first argument of a program that is to undo something.
const ASKED: &str = "__openstack";
/// How often undoing is tried, and how long after a try that failed: a cloud may be out of reach for a moment.
const TRIES: u32 = 10;
const TRY_EVERY: Duration = Duration::from_secs(3);
/// What undoes a freeze, a suspension and a stop; what undoes an isolation is [`Rejoining`], as JSON.
const UNPAUSE: &str = "unpause";
const RESUME: &str = "resume";
const START: &str = "start";

/// What a run or an attack makes beside servers to strike them, and its mark.
pub(super) struct RunsOwn {
    pub groups: Arc<RunGroups>,
    pub mark: Mark,
    /// Whether the servers are there already. Then nothing else than the lease removes the empty group after a kill.
    pub outlived: bool,
}

/// What ends an isolation when its lease is over.
#[derive(Serialize, Deserialize)]
struct Rejoining {
    #[serde(flatten)]
    isolation: Isolation,
    /// What the empty group carries, which was not made yet when the lease began.
    mark: String,
    /// Whether the empty group goes then, unless another server still has it.
    removes_group: bool,
}

impl Rejoining {
    async fn rejoin(&self, client: &Client) -> Result<(), ProviderError> {
        let mark = Mark::new(&self.mark);
        let Some(empty) = own_groups::find_empty(client, &mark).await.map_err(between)? else { return Ok(()) };
        self.isolation.end(client, &empty).await?;
        if !self.removes_group {
            return Ok(());
        }
        match groups::delete(client, &empty).await {
            Err(why) if !why.is_conflict() => Err(between(why)),
            _ => Ok(()),
        }
    }
}

/// Some of a project's servers.
pub(super) struct Nova {
    /// The cloud, as it was named on the command line.
    cloud: String,
    client: Arc<Client>,
    /// `None` where the cloud has no security groups.
    own: Option<RunsOwn>,
    are_meant: Box<dyn Fn(&Server) -> bool + Send + Sync>,
}

impl Nova {
    /// Those that are meant.
    pub fn new(
        cloud: &str,
        client: &Arc<Client>,
        own: Option<RunsOwn>,
        are_meant: impl Fn(&Server) -> bool + Send + Sync + 'static,
    ) -> Nova {
        Nova { cloud: cloud.into(), client: Arc::clone(client), own, are_meant: Box::new(are_meant) }
    }
}

#[async_trait]
impl Api for Nova {
    type Server = Server;
    const NAME: &str = "Nova";
    const POWER: &[PowerOp] = &PowerOp::ALL;

    async fn list(&self) -> Result<Vec<Server>, ProviderError> {
        let servers = servers::list(&self.client).await.map_err(between)?;
        Ok(servers.into_iter().filter(|server| (self.are_meant)(server)).collect())
    }

    async fn delete(&self, id: &str) -> Result<(), ProviderError> {
        actions::delete(&self.client, id).await.map_err(between)
    }

    async fn switch(&self, server: &Server, op: PowerOp) -> Result<(), ProviderError> {
        let Some(action) = action(op, &server.status) else { return self.delete(&server.id).await };
        actions::start(&self.client, &server.id, action).await.map_err(between)
    }

    fn undo(&self, id: &str, op: PowerOp) -> Option<Vec<String>> {
        let undo = match op {
            PowerOp::Freeze => UNPAUSE,
            PowerOp::Suspend => RESUME,
            PowerOp::Stop => START,
            _ => return None,
        };
        Some([ASKED, &self.cloud, id, undo].map(String::from).to_vec())
    }

    fn isolates(&self) -> Option<&dyn Isolates> {
        Some(self)
    }
}

#[async_trait]
impl Ports for Nova {
    async fn groups(&self, port: &str) -> Result<Option<Vec<String>>, ProviderError> {
        self.client.groups(port).await
    }

    async fn give(&self, port: &str, groups: &[String]) -> Result<(), ProviderError> {
        self.client.give(port, groups).await
    }
}

#[async_trait]
impl Isolates for Nova {
    async fn isolation(&self, id: &str, name: &str) -> Result<Isolation, ProviderError> {
        let own = self.own.as_ref().ok_or_else(|| no_group(name))?;
        let ports = network::own_groups(&self.client, id, name).await?;
        network::isolation(ports, own.groups.known_empty())
    }

    async fn empty_group(&self) -> Result<String, ProviderError> {
        let own = self.own.as_ref().expect("without security groups there is no isolation");
        own.groups.empty(&own.mark).await
    }

    async fn find_empty_group(&self) -> Result<Option<String>, ProviderError> {
        match &self.own {
            Some(own) => own.groups.find_empty(&own.mark).await,
            None => Ok(None),
        }
    }

    fn undo_isolation(&self, id: &str, isolation: &Isolation) -> Vec<String> {
        let own = self.own.as_ref().expect("without security groups there is no isolation");
        let (isolation, mark) = (isolation.clone(), own.mark.run().into());
        let undo = Rejoining { isolation, mark, removes_group: own.outlived };
        let undo = serde_json::to_string(&undo).expect("texts can be stored");
        [ASKED, &self.cloud, id, &undo].map(String::from).to_vec()
    }
}

impl CloudServer for Server {
    fn id(&self) -> &str {
        &self.id
    }

    fn state(&self) -> PowerState {
        match self.status {
            Status::Paused | Status::Suspended => PowerState::Frozen,
            Status::Deleted | Status::SoftDeleted => PowerState::Terminated,
            Status::Active | Status::Build | Status::Reboot => PowerState::Running,
            Status::Shutoff | Status::Error | Status::HardReboot | Status::Other(_) => PowerState::Stopped,
        }
    }

    fn evidence(&self) -> String {
        let task = self.task.as_ref().map(|task| format!(", {task}")).unwrap_or_default();
        let fault = self.fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
        format!("Nova says {}{task}{fault}", self.status)
    }

    fn is_building(&self) -> bool {
        self.status == Status::Build
    }

    fn is_busy(&self) -> bool {
        self.task.is_some()
    }

    fn failure(&self) -> Option<ProviderError> {
        let message = || self.fault.clone().unwrap_or_else(|| "Nova does not say why".into());
        let fault = || between(CloudError::Fault { server: self.name.clone(), message: message() });
        (self.status == Status::Error).then(fault)
    }
}

/// That a server can't be isolated in a cloud without security groups.
pub(super) fn no_group(server: &str) -> ProviderError {
    ProviderError::Unsupported {
        server: server.into(),
        provider: "openstack",
        action: "isolate it with the profile rackspace".into(),
        hint: "no security group is asked for then; take `loses-network`".into(),
    }
}

/// What Nova is asked for; `None`: to delete it.
fn action(op: PowerOp, status: &Status) -> Option<Action> {
    match op {
        PowerOp::Terminate | PowerOp::Isolate | PowerOp::Rejoin => None,
        PowerOp::Stop => Some(Action::Stop),
        PowerOp::Start => Some(Action::Start),
        PowerOp::SoftReboot => Some(Action::SoftReboot),
        PowerOp::Freeze => Some(Action::Pause),
        PowerOp::Suspend => Some(Action::Suspend),
        PowerOp::Thaw | PowerOp::Resume if *status == Status::Suspended => Some(Action::Resume),
        PowerOp::Thaw | PowerOp::Resume => Some(Action::Unpause),
    }
}

/// Undoes what a lease was on, if this program was started for it.
pub fn run_if_asked() -> Option<std::process::ExitCode> {
    lease::undo_if_asked(ASKED, async |cloud, id, undo| {
        let mut done = undo_once(cloud, id, undo).await;
        for _ in 1..TRIES {
            if done.is_ok() {
                break;
            }
            sleep(TRY_EVERY).await;
            done = undo_once(cloud, id, undo).await;
        }
        done.map_err(|why| why.to_string())
    })
}

async fn undo_once(cloud: &str, id: &str, undo: &str) -> Result<(), ProviderError> {
    let client = account::log_in(cloud, OpenStackSettings::default().requests_per_minute).await.map_err(between)?;
    let start = async |action| actions::start(&client, id, action).await.map_err(between);
    match undo {
        UNPAUSE => start(Action::Unpause).await,
        RESUME => start(Action::Resume).await,
        START => start(Action::Start).await,
        rejoining => {
            let rejoining: Rejoining =
                serde_json::from_str(rejoining).map_err(|why| ProviderError::Between(why.into()))?;
            rejoining.rejoin(&client).await
        }
    }
}

/// An error of the API.
pub(super) fn between(why: CloudError) -> ProviderError {
    ProviderError::Between(why.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::future::join_all;
    use serde_json::json;

    use super::super::marks::Marks;
    use super::*;
    use crate::clock::{micros, monotonic_us};
    use crate::environment::cloud::fleet::Fleet;
    use crate::openstack::test_server::{Asked, Reply, TestCloud, server};

    const LIST: &str = "GET /compute/v2.1/servers/detail";

    /// A cloud with one server of the scenario, ACTIVE until `is_off`, and one of another run.
    async fn cloud(is_off: Arc<AtomicBool>) -> TestCloud {
        TestCloud::start(move |asked: &[Asked]| {
            let asked = asked.last()?;
            if !asked.line.starts_with(LIST) {
                return None;
            }
            let of = |id: &str, run: &str| {
                let status = if is_off.load(Ordering::Relaxed) { "SHUTOFF" } else { "ACTIVE" };
                let mut one = server(id, status, None);
                one["metadata"] = json!({ "chimp_run": run, "chimp_scenario": "0", "chimp_server": "web-1" });
                one
            };
            Some(Reply::Json(json!({ "servers": [of("ours", "7"), of("another's", "8")] })))
        })
        .await
    }

    async fn fleet(cloud: &TestCloud, every: Duration) -> Fleet<Nova> {
        let marks = Marks::new("7", 0);
        let client = Arc::new(cloud.log_in("").await.unwrap());
        let groups = Arc::new(RunGroups::new(Arc::clone(&client), Arc::default()));
        let own = Some(RunsOwn { groups, mark: marks.run.clone(), outlived: false });
        Fleet::new(Nova::new("", &client, own, move |server| marks.are_of(server)), every)
    }

    fn lists(cloud: &TestCloud) -> usize {
        cloud.asked.lock().unwrap().iter().filter(|asked| asked.line.starts_with(LIST)).count()
    }

    #[tokio::test]
    async fn who_asks_at_once_shares_an_answer_and_none_is_older_than_the_question() {
        let cloud = cloud(Arc::default()).await;
        let fleet = fleet(&cloud, Duration::from_millis(1)).await;
        let found = join_all((0..20).map(|_| fleet.now())).await;
        assert!(
            found.iter().all(|servers| servers.as_ref().unwrap().len() == 1),
            "those of another run are no part of it"
        );
        assert!(lists(&cloud) <= 2, "{} lists for twenty who asked at once", lists(&cloud));
        let before = lists(&cloud);
        fleet.now().await.unwrap();
        assert_eq!(lists(&cloud), before + 1, "an answer from before the question");
    }

    #[tokio::test]
    async fn two_lists_are_no_closer_than_is_allowed() {
        let cloud = cloud(Arc::default()).await;
        let every = Duration::from_millis(120);
        let fleet = fleet(&cloud, every).await;
        let begun = monotonic_us();
        for _ in 0..3 {
            fleet.now().await.unwrap();
        }
        assert!(monotonic_us() - begun >= 2 * micros(every));
    }

    #[tokio::test]
    async fn a_lease_ends_in_the_word_that_undoes_what_it_is_on() {
        let client = Arc::new(cloud(Arc::default()).await.log_in("").await.unwrap());
        let nova = Nova::new("mine", &client, None, |_| true);
        let undone = [(PowerOp::Freeze, "unpause"), (PowerOp::Suspend, "resume"), (PowerOp::Stop, "start")];
        for (op, word) in undone {
            assert_eq!(nova.undo("s-1", op).unwrap(), [ASKED, "mine", "s-1", word], "{op:?}");
        }
        assert_eq!(nova.undo("s-1", PowerOp::SoftReboot), None);
    }

    #[tokio::test]
    async fn a_change_is_dated_between_two_lists() {
        let is_off = Arc::new(AtomicBool::new(false));
        let cloud = cloud(Arc::clone(&is_off)).await;
        let fleet = fleet(&cloud, Duration::from_millis(1)).await;
        let first = fleet.now().await.unwrap();
        assert_eq!((first[0].state, first[0].changed), (PowerState::Running, None));
        let before_us = monotonic_us();
        is_off.store(true, Ordering::Relaxed);
        let second = fleet.now().await.unwrap();
        let changed = second[0].changed.unwrap();
        assert_eq!(second[0].state, PowerState::Stopped);
        assert!(changed.since_us <= before_us && before_us <= changed.by_us, "{changed:?}, {before_us}");
        let third = fleet.now().await.unwrap();
        assert_eq!(third[0].changed, Some(changed), "it is still in that state");
    }

    #[test]
    fn what_nova_calls_it_says_what_it_does() {
        let server = |status: Status, task: Option<&str>| Server {
            id: "s".into(),
            name: "web-1".into(),
            status,
            task: task.map(String::from),
            power: crate::openstack::servers::Power::Running,
            zone: None,
            metadata: BTreeMap::new(),
            tags: Vec::new(),
            addresses: Vec::new(),
            fault: None,
            locked: false,
            created: None,
        };
        assert_eq!(server(Status::Active, Some("deleting")).evidence(), "Nova says ACTIVE, deleting");
        let states = [Status::Suspended, Status::HardReboot, Status::Other("RESCUE".into()), Status::Reboot];
        let states = states.map(|status| server(status, None).state());
        assert_eq!(states, [PowerState::Frozen, PowerState::Stopped, PowerState::Stopped, PowerState::Running]);
    }

    #[test]
    fn what_lets_a_server_go_on_depends_on_what_stopped_it() {
        for op in [PowerOp::Thaw, PowerOp::Resume] {
            assert_eq!(action(op, &Status::Suspended), Some(Action::Resume));
            assert_eq!(action(op, &Status::Paused), Some(Action::Unpause));
        }
        assert_eq!(action(PowerOp::Terminate, &Status::Active), None);
    }
}
