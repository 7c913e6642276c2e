//! How servers that are there already are isolated by an attack and rejoin, after a kill too, and that an isolation in vain is not believed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::attacked::Attacked;
use super::groups::RunGroups;
use super::nova::{Nova, RunsOwn};
use super::opted_in::OptedIn;
use crate::attack::execute::{Field, Options, PLAN_FILE, execute};
use crate::attack::plan::SCHEMA;
use crate::attack::{AttackPlan, Round};
use crate::environment::cloud::fleet::Fleet;
use crate::environment::cloud::made::Made;
use crate::environment::{Closed, Ended};
use crate::exit;
use crate::history;
use crate::infrastructure::Draft;
use crate::instance::{Ability, InstanceId, PowerOp};
use crate::journal::{self, Place};
use crate::nemesis::Sabotage;
use crate::openstack::mark::Mark;
use crate::openstack::test_server::{self, Asked, Reply, TestCloud};
use crate::plan::Parameters;
use crate::provider::Provider;
use crate::settings::{OpenStackSettings, Safeguards};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// The attack, and the empty group that it makes.
const ATTACK: &str = "attack-1";
const EMPTY: &str = "g-empty";

/// How far the cloud does what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Isolates {
    Truly,
    /// The port has the empty group alone, and everything passes all the same.
    InVain,
    /// It says that the port has the empty group, and nothing is changed.
    InWords,
}

/// The only server of a cloud.
struct State {
    isolates: Isolates,
    /// The groups of its port.
    groups: Value,
    /// The empty group; null: it is not there.
    empty: Value,
    /// Whether Nova lists the server.
    is_there: bool,
    /// Where it answers to SSH; `None`: no packet reaches it.
    answers: Option<JoinHandle<()>>,
    port: u16,
}

impl State {
    /// Gives the port these groups; what the cloud says of it.
    fn give(&mut self, groups: Value) -> Value {
        if self.isolates == Isolates::InWords {
            return port(&groups);
        }
        self.groups = groups;
        let passes = self.isolates != Isolates::Truly || self.groups != json!([EMPTY]);
        match (passes, self.answers.take()) {
            (true, Some(answers)) => self.answers = Some(answers),
            (true, None) => self.answers = Some(accepting(TcpListener::bind((HERE, self.port)).unwrap())),
            (false, answers) => answers.iter().for_each(JoinHandle::abort),
        }
        port(&self.groups)
    }

    fn answer(&mut self, asked: &Asked) -> Option<Reply> {
        let sent = || serde_json::from_str::<Value>(&asked.body).ok();
        Some(Reply::Json(match asked.line.split('?').next()? {
            "GET /compute/v2.1/servers/detail" => {
                let servers: &[Value] = &[test_server::server("s-1", "ACTIVE", None)];
                json!({ "servers": servers[..usize::from(self.is_there)] })
            }
            "GET /network/v2.0/ports" => json!({ "ports": [port(&self.groups)] }),
            "GET /network/v2.0/ports/p-1" => json!({ "port": port(&self.groups) }),
            "PUT /network/v2.0/ports/p-1" => json!({ "port": self.give(sent()?["port"]["security_groups"].clone()) }),
            "GET /network/v2.0/security-groups" => {
                json!({ "security_groups": self.empty.as_object().into_iter().collect::<Vec<_>>() })
            }
            "POST /network/v2.0/security-groups" => {
                let sent = sent()?;
                let [name, description] = ["name", "description"].map(|field| &sent["security_group"][field]);
                self.empty = json!({ "id": EMPTY, "name": name, "description": description, "tags": [] });
                json!({ "security_group": self.empty })
            }
            "PUT /network/v2.0/security-groups/g-empty/tags" => json!({ "tags": [] }),
            "DELETE /network/v2.0/security-groups/g-empty" if self.groups == json!([EMPTY]) => {
                return Some(test_server::refused(409, "Security Group g-empty in use."));
            }
            "DELETE /network/v2.0/security-groups/g-empty" => {
                self.empty = Value::Null;
                return Some(Reply::Status(204, "", String::new()));
            }
            _ => return None,
        }))
    }
}

/// Accepts every connection until it is aborted.
fn accepting(listener: TcpListener) -> JoinHandle<()> {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} })
}

fn port(groups: &Value) -> Value {
    let mut port = test_server::port("p-1", &Value::Null);
    port["security_groups"] = groups.clone();
    port
}

/// A cloud with a server that answers, and whose only port has these groups.
struct Scene {
    cloud: TestCloud,
    state: Arc<Mutex<State>>,
    ssh: u16,
}

impl Scene {
    async fn with(groups: &[&str], isolates: Isolates) -> Scene {
        let answers = TcpListener::bind((HERE, 0)).unwrap();
        let port = answers.local_addr().unwrap().port();
        let (groups, empty, answers) = (json!(groups), Value::Null, Some(accepting(answers)));
        let state = Arc::new(Mutex::new(State { isolates, groups, empty, is_there: true, answers, port }));
        let shared = Arc::clone(&state);
        let cloud = TestCloud::start(move |asked: &[Asked]| shared.lock().unwrap().answer(asked.last()?)).await;
        Scene { cloud, state, ssh: port }
    }

    /// Its server as a process sees it that may attack it, and that nothing says how to log in to.
    async fn opened(&self, isolates: bool) -> OptedIn {
        let (client, made) = (Arc::new(self.cloud.log_in("").await.unwrap()), Arc::<Made>::default());
        let groups = Arc::new(RunGroups::new(Arc::clone(&client), Arc::clone(&made)));
        let own = RunsOwn { groups: Arc::clone(&groups), mark: Mark::new(ATTACK), outlived: true };
        let nova = Nova::new("", &client, Some(own).filter(|_| isolates), |_| true);
        let fleet = Fleet::new(nova, Duration::from_millis(1));
        let known = [("s-1".to_string(), ("web-1".to_string(), HERE))].into();
        let provider = OptedIn { client, fleet, known, ssh: self.ssh, hosts: None, isolates, groups, made };
        provider.list().await.unwrap();
        provider
    }

    /// The groups of the port, and whether the empty one is there.
    fn shown(&self) -> (Value, bool) {
        let state = self.state.lock().unwrap();
        (state.groups.clone(), !state.empty.is_null())
    }

    /// An attack that isolates the server for a moment: how it ended, what its history says of the fault, and whether its journal is closed.
    async fn attacked(&self) -> (u8, Vec<String>, bool) {
        let (provider, out) = (Arc::new(self.opened(true).await), tempfile::tempdir().unwrap());
        let mut draft = Draft::default();
        draft.tier(1, "webserver").unwrap();
        let place = || Place { environment: "openstack".into(), value: json!({}) };
        let field = Field {
            place: place(),
            whereabouts: "openstack".into(),
            addresses: BTreeMap::new(),
            provider,
            infrastructure: Arc::new(draft.build().unwrap()),
            ended: Ended::new(),
            closed: Closed::new(),
        };
        let round = Round {
            fault: "isolated".into(),
            with: Parameters::default(),
            servers: vec!["web-1".into()],
            from: Vec::new(),
            why: "it was named".into(),
            lasts: Some(Duration::from_millis(200)),
        };
        let plan = AttackPlan { schema: SCHEMA, seed: 1, place: place(), skipped: Ended::new(), rounds: vec![round] };
        let options = Options {
            out: out.path().into(),
            lease: Duration::from_secs(600),
            safeguards: Safeguards::default(),
            sabotage: Sabotage::default(),
            die_at: None,
        };
        let code = execute(&plan, &field, &options).await.unwrap();
        let mut bundles = std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path());
        let bundle = bundles.find(|path| path.join(PLAN_FILE).is_file() && !path.is_symlink()).unwrap();
        let events = std::fs::read_to_string(bundle.join(history::EVENTS_FILE)).unwrap();
        let words = ["fault_confirmed", "fault_not_confirmed", "injection_failed", "strike_healed"];
        let words = words.into_iter().filter(|word| events.contains(&format!("\"{word}\"")));
        let is_closed = journal::open_strikes(&journal::read(&bundle).unwrap()).is_empty();
        (code, words.map(String::from).collect(), is_closed)
    }
}

#[tokio::test]
async fn an_attack_whose_isolation_does_nothing_does_not_succeed() {
    let own = json!(["default", "shop"]);
    let attacks = [
        (Isolates::Truly, exit::PASS, ["fault_confirmed", "strike_healed"]),
        (Isolates::InVain, exit::COULD_NOT_TELL, ["fault_not_confirmed", "strike_healed"]),
        (Isolates::InWords, exit::COULD_NOT_TELL, ["fault_not_confirmed", "strike_healed"]),
    ];
    join_all(attacks.map(async |(isolates, code, told)| {
        let scene = Scene::with(&["default", "shop"], isolates).await;
        let attacked = scene.attacked().await;
        assert_eq!(attacked, (code, told.map(String::from).into(), true), "{isolates:?}");
        assert_eq!(scene.shown(), (own.clone(), false), "{isolates:?}: all is as before");
    }))
    .await;
}

#[tokio::test]
async fn another_process_gives_a_server_the_groups_back_that_were_recorded_before() {
    let scene = Scene::with(&["default", "shop"], Isolates::Truly).await;
    let id = InstanceId("s-1".into());
    let first = scene.opened(true).await;
    assert_eq!(first.undo_record(&id, Some(PowerOp::Freeze)).await.unwrap(), None, "Nova undoes it by the id alone");
    let record = first.undo_record(&id, Some(PowerOp::Isolate)).await.unwrap().unwrap();
    assert_eq!(scene.shown(), (json!(["default", "shop"]), false), "nothing is made or changed yet");
    first.power(&id, PowerOp::Isolate).await.unwrap();
    assert_eq!(scene.shown(), (json!([EMPTY]), true));
    assert_eq!(
        first.undo_record(&id, Some(PowerOp::Isolate)).await.unwrap().as_ref(),
        Some(&record),
        "as it was before"
    );
    drop(first);

    let second = scene.opened(true).await;
    second.power(&id, PowerOp::Rejoin).await.unwrap();
    assert_eq!(scene.shown().0, json!([EMPTY]), "it does not know of it");
    second.recall(&id, &record).await.unwrap();
    second.power(&id, PowerOp::Rejoin).await.unwrap();
    assert_eq!(scene.shown(), (json!(["default", "shop"]), true));
    second.close().await.unwrap();
    assert!(!scene.shown().1, "the empty group goes with the attack");
}

#[tokio::test]
async fn an_attack_that_was_killed_around_the_making_of_its_empty_group_leaves_none_after_its_heal() {
    let id = InstanceId("s-1".into());
    for is_made in [false, true] {
        let scene = Scene::with(&["default"], Isolates::Truly).await;
        let first = scene.opened(true).await;
        let record = first.undo_record(&id, Some(PowerOp::Isolate)).await.unwrap().unwrap();
        if is_made {
            first.groups.empty(&Mark::new(ATTACK)).await.unwrap();
        }
        assert_eq!(scene.shown(), (json!(["default"]), is_made));
        drop(first);
        let second = scene.opened(true).await;
        second.recall(&id, &record).await.unwrap();
        second.power(&id, PowerOp::Rejoin).await.unwrap();
        second.close().await.unwrap();
        assert_eq!(scene.shown(), (json!(["default"]), false), "made: {is_made}");
    }
}

#[tokio::test]
async fn a_record_that_names_the_empty_group_is_read_too() {
    let scene = Scene::with(&[EMPTY], Isolates::Truly).await;
    let (id, provider) = (InstanceId("s-1".into()), scene.opened(true).await);
    let record = json!({ "empty": EMPTY, "ports": [{ "port": "p-1", "groups": ["default"] }] });
    provider.recall(&id, &record).await.unwrap();
    provider.power(&id, PowerOp::Rejoin).await.unwrap();
    assert_eq!(scene.shown().0, json!(["default"]));
}

#[tokio::test]
async fn a_port_that_outlived_its_server_gets_its_groups_back() {
    let scene = Scene::with(&["default"], Isolates::Truly).await;
    let id = InstanceId("s-1".into());
    let first = scene.opened(true).await;
    let record = first.undo_record(&id, Some(PowerOp::Isolate)).await.unwrap().unwrap();
    first.power(&id, PowerOp::Isolate).await.unwrap();
    drop(first);
    scene.state.lock().unwrap().is_there = false;
    let second = scene.opened(true).await;
    second.recall(&id, &record).await.unwrap();
    assert_eq!(scene.shown(), (json!(["default"]), true));
    second.close().await.unwrap();
    assert!(!scene.shown().1);
}

/// Then the place of an attack is reopened though none of its servers is left.
#[tokio::test]
async fn ports_may_be_isolated_as_long_as_the_empty_group_of_their_attack_is_there() {
    let scene = Scene::with(&["default"], Isolates::Truly).await;
    let provider = scene.opened(true).await;
    let has_a_group = async |mark: Option<&str>| {
        let (settings, mark) = (OpenStackSettings::default(), mark.map(String::from));
        let attacked = Attacked { cloud: String::new(), settings, file: None, servers: Some(BTreeMap::new()), mark };
        attacked.has_a_group(&provider.client).await.unwrap()
    };
    assert!(!has_a_group(Some(ATTACK)).await);
    provider.power(&InstanceId("s-1".into()), PowerOp::Isolate).await.unwrap();
    assert!(has_a_group(Some(ATTACK)).await && !has_a_group(Some("attack-2")).await && !has_a_group(None).await);
}

#[tokio::test]
async fn an_attack_that_isolated_nothing_makes_and_removes_nothing() {
    let scene = Scene::with(&["default"], Isolates::Truly).await;
    scene.opened(true).await.close().await.unwrap();
    let asked = scene.cloud.asked.lock().unwrap();
    assert!(asked.iter().all(|asked| asked.line.starts_with("GET") || asked.line.contains("auth")));
}

#[tokio::test]
async fn without_a_login_a_server_is_switched_and_isolated_and_nothing_else() {
    let scene = Scene::with(&["default"], Isolates::Truly).await;
    let can = async |isolates, abilities: &[Ability]| {
        let provider = scene.opened(isolates).await;
        provider.can("web-1", &abilities.iter().copied().collect()).map_err(|why| why.to_string())
    };
    let isolation = [Ability::LogIn, Ability::Power(PowerOp::Isolate), Ability::Power(PowerOp::Rejoin)];
    assert_eq!(can(true, &isolation).await, Ok(()));
    assert_eq!(can(false, &[Ability::LogIn, Ability::Power(PowerOp::Stop)]).await, Ok(()));
    let why = can(false, &isolation).await.unwrap_err();
    assert!(why.contains("can't isolate it with the profile rackspace"), "{why}");
    let why = can(true, &[Ability::LogIn]).await.unwrap_err();
    assert!(why.starts_with("web-1: nothing says how to log in to it\n  help: write `[openstack.login]`"), "{why}");
}
