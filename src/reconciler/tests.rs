//! The reconciler against a provider that only pretends: it counts what it boots, and can be slow, broken or wrong.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::*;
use crate::clock::Clock;
use crate::history::Recorder;
use crate::history::recorder::Memory;
use crate::infrastructure::{Draft, Infrastructure};
use crate::instance::Question;
use crate::instance::{Command, FileSpec, Instance, InstanceId, InstanceSpec, Output, PowerOp, PowerState};
use crate::provider::{Provider, Remote};
use crate::render::{Addresses, Secrets};
use crate::settings::Policy;
use crate::settings::Settings;
use crate::site::topology_lock::TopologyLock;

mod auto_scaled;

/// Far more than anything here takes, on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Cloud {
    kept: Mutex<Kept>,
    boot_takes: Duration,
    /// Boots wait for as long as this is so.
    held: AtomicBool,
    /// So many calls fail first.
    failures: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    /// How often it was asked what there is, which every look does.
    listed: AtomicUsize,
}

#[derive(Default)]
struct Kept {
    instances: Vec<Instance>,
    booting: BTreeSet<String>,
    silent: BTreeSet<Ipv4Addr>,
}

impl Cloud {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    fn breaks(&self, server: &str) -> Result<(), ProviderError> {
        let fails = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let source = std::io::Error::other("no capacity");
        if fails { Err(ProviderError::System { server: server.into(), action: "booting", source }) } else { Ok(()) }
    }

    fn add(&self, name: &str, address: Ipv4Addr) -> Instance {
        let mut kept = self.kept();
        let generation = kept.instances.iter().filter(|instance| instance.name == name).count() + 1;
        let instance = Instance {
            id: InstanceId(format!("{name}.{generation}")),
            name: name.into(),
            address,
            state: PowerState::Running,
            evidence: "it says so".into(),
            first_process: None,
            changed: None,
        };
        kept.instances.push(instance.clone());
        instance
    }

    fn set(&self, id: &str, state: PowerState) {
        self.kept().instances.iter_mut().filter(|instance| instance.id.0 == id).for_each(|one| one.state = state);
    }

    fn ids(&self, server: &str) -> Vec<String> {
        self.kept().instances.iter().filter(|one| one.name == server).map(|one| one.id.0.clone()).collect()
    }
}

#[async_trait]
impl Provider for Cloud {
    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        self.breaks(&spec.name)?;
        self.kept().booting.insert(spec.name.clone());
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(now, Ordering::SeqCst);
        sleep(self.boot_takes).await;
        while self.held.load(Ordering::SeqCst) {
            sleep(EVERY).await;
        }
        let booted = self.add(&spec.name, spec.address);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.kept().booting.remove(&spec.name);
        Ok(booted)
    }

    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        Ok(self.kept().booting.clone())
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        self.listed.fetch_add(1, Ordering::SeqCst);
        Ok(self.kept().instances.clone())
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        assert_eq!(op, PowerOp::Terminate);
        self.set(&id.0, PowerState::Terminated);
        Ok(())
    }

    async fn look(&self, question: &Question) -> Option<Result<(), String>> {
        let std::net::IpAddr::V4(address) = question.at.ip() else { return None };
        let silent = self.kept().silent.contains(&address);
        Some(if silent { Err("nobody answers".into()) } else { Ok(()) })
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Ok(Box::new(Shell { of: instance.id.0.clone(), told: Mutex::default() }))
    }
}

/// Remembers nothing; its host key is its instance's.
struct Shell {
    of: String,
    told: Mutex<Vec<String>>,
}

#[async_trait]
impl Remote for Shell {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        self.told.lock().unwrap().push(command.argv.join(" "));
        Ok(Output { status: Some(0), stdout: String::new(), stderr: String::new() })
    }

    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        self.told.lock().unwrap().push(file.path.display().to_string());
        Ok(())
    }

    async fn knock(&self, _: Duration) -> Result<(), RemoteError> {
        Ok(())
    }

    async fn host_key(&self) -> Result<Option<String>, RemoteError> {
        Ok(Some(format!("SHA256:{}", self.of)))
    }
}

/// A site on a cloud, everything running, and a reconciler at work.
struct Scene {
    cloud: Arc<Cloud>,
    memory: Memory,
    at_work: Supervised,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn start(infrastructure: Infrastructure, cloud: Cloud, change: impl FnOnce(&mut Settings)) -> Scene {
        let cloud = Arc::new(cloud);
        let addresses = Addresses::assign(&infrastructure, |n| Ipv4Addr::from(0xC612_0002 + u32::from(n)), 24);
        for (server, address) in &addresses.servers {
            cloud.add(server, *address);
        }
        let mut settings = Settings::default();
        settings.reconciler.retry_first = EVERY;
        settings.reconciler.retry_most = 10 * EVERY;
        change(&mut settings);
        let (recorder, memory) = Recorder::memory(Clock::start());
        let provider = Arc::clone(&cloud) as Arc<dyn Provider>;
        let (secrets, databases) = (Secrets::of("a test"), TopologyLock::default());
        let infrastructure = Arc::new(infrastructure);
        let site = Site { infrastructure, addresses, entry: None, settings, provider, recorder, secrets, databases };
        let folder = tempfile::tempdir().unwrap();
        let (state, known) = (folder.path().join("state.json"), as_provisioned(&site));
        let config = Config { every: EVERY, state, of: "a test".into(), known, seed: 7 };
        Scene { cloud, memory, at_work: Supervised::start(site, config), _folder: folder }
    }

    fn events(&self, is_it: impl Fn(&Event) -> bool) -> usize {
        self.memory.events().iter().filter(|record| is_it(&record.event)).count()
    }

    async fn until(&self, what: &str, came: impl Fn(&Scene) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !came(self) {
            assert!(Instant::now() < deadline, "{what} never came: {:#?}", self.memory.events());
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn until_replaced(&self, servers: &[&str]) {
        for server in servers {
            let it = |event: &Event| matches!(event, Event::ReconcilerReplaced { server: of, .. } if of == server);
            self.until(&format!("a replacement of {server}"), |scene| scene.events(it) > 0).await;
        }
    }

    /// Waits until it has looked this many times more.
    async fn until_looked(&self, times: usize) {
        let listed = |scene: &Scene| scene.cloud.listed.load(Ordering::SeqCst);
        let wanted = listed(self) + times;
        self.until("another look", |scene| listed(scene) >= wanted).await;
    }
}

fn webservers(count: usize, spares: usize) -> Infrastructure {
    let mut draft = Draft::default();
    draft.behind_haproxy(count, "webserver").unwrap();
    if spares > 0 {
        draft.spares(spares, "webserver").unwrap();
    }
    draft.build().unwrap()
}

fn slow(boot_takes: Duration) -> Cloud {
    Cloud { boot_takes, ..Cloud::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_it_comes_back_and_boots_once() {
    let killed = ReconcilerStep::ALL.map(async |step| {
        let scene = Scene::start(webservers(3, 0), slow(Duration::from_millis(50)), |_| {});
        scene.at_work.kill_at(step);
        scene.cloud.set("web-1.1", PowerState::Terminated);
        scene.cloud.set("web-3.1", PowerState::Terminated);
        scene.until_replaced(&["web-1", "web-3"]).await;
        scene.until_looked(20).await;
        let at = |event: &Event| matches!(event, Event::AgentKilled { step: at, .. } if at == step.name());
        assert_eq!(scene.events(at), 1, "killed at {step}");
        for server in ["web-1", "web-3"] {
            assert_eq!(scene.cloud.ids(server), [format!("{server}.1"), format!("{server}.2")], "killed at {step}");
        }
    });
    futures::future::join_all(killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_that_outlives_its_reconciler_is_waited_for() {
    let scene = Scene::start(webservers(2, 0), slow(Duration::from_millis(1500)), |_| {});
    scene.at_work.kill_at(ReconcilerStep::Ask);
    scene.cloud.set("web-1.1", PowerState::Terminated);
    scene.until_replaced(&["web-1"]).await;
    assert_eq!(scene.cloud.ids("web-1").len(), 2, "the boot was under way when the next life began");
    let asked = |event: &Event| matches!(event, Event::ReconcilerStep { step: ReconcilerStep::Ask, .. });
    assert_eq!(scene.events(asked), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_it_replaces_nobody_until_it_starts_again() {
    let scene = Scene::start(webservers(2, 0), Cloud::default(), |_| {});
    scene.at_work.pause().await;
    scene.cloud.set("web-1.1", PowerState::Terminated);
    // Time for many looks, if there were any.
    let begun = Instant::now();
    let listed = scene.cloud.listed.load(Ordering::SeqCst);
    scene.until("its time", |_| begun.elapsed() >= 20 * EVERY).await;
    assert_eq!(scene.cloud.listed.load(Ordering::SeqCst), listed, "it looks though it is stopped");
    assert_eq!(scene.cloud.ids("web-1").len(), 1);
    scene.at_work.resume().await;
    scene.until_replaced(&["web-1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_a_replacement_is_told_in_order() {
    let scene = Scene::start(webservers(2, 0), Cloud::default(), |_| {});
    scene.until_looked(20).await;
    scene.cloud.set("web-1.1", PowerState::Terminated);
    scene.until_replaced(&["web-1"]).await;
    let told = scene.memory.events();
    let steps = told.iter().filter_map(|record| match &record.event {
        // Each look that finds something else than the last one tells its first two.
        Event::ReconcilerStep { step: ReconcilerStep::List, .. } => None,
        Event::ReconcilerStep { step: ReconcilerStep::Compare, detail, .. } if !detail.contains("1 missing") => None,
        Event::ReconcilerStep { step, .. } => Some(*step),
        _ => None,
    });
    let steps: Vec<ReconcilerStep> = steps.collect();
    assert_eq!(steps, ReconcilerStep::ALL[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_refuses_is_asked_again_later() {
    let cloud = Cloud { failures: AtomicUsize::new(3), ..Cloud::default() };
    let scene = Scene::start(webservers(2, 0), cloud, |_| {});
    scene.cloud.set("web-1.1", PowerState::Terminated);
    scene.until_replaced(&["web-1"]).await;
    let failed = |event: &Event| matches!(event, Event::ReconcilerFailed { detail, .. } if detail.contains("no capacity; tried again after"));
    assert_eq!(scene.events(failed), 3);
    assert_eq!(scene.cloud.ids("web-1").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_replacements_go_side_by_side() {
    let scene =
        Scene::start(webservers(6, 0), slow(Duration::from_millis(30)), |settings| settings.reconciler.at_once = 2);
    for number in 1..=6 {
        scene.cloud.set(&format!("web-{number}.1"), PowerState::Terminated);
    }
    scene.until_replaced(&["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"]).await;
    assert_eq!(scene.cloud.most_under_way.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn surplus_instances_are_left_or_terminated_as_declared() {
    for (policy, state) in [(Policy::Leave, PowerState::Running), (Policy::Terminate, PowerState::Terminated)] {
        let scene = Scene::start(webservers(2, 0), Cloud::default(), |settings| settings.reconciler.surplus = policy);
        scene.cloud.add("stranger", Ipv4Addr::new(198, 18, 0, 99));
        scene.cloud.add("web-1", Ipv4Addr::new(198, 18, 0, 98));
        scene.until_looked(20).await;
        let of = |id: &str| scene.cloud.kept().instances.iter().find(|one| one.id.0 == id).map(|one| one.state);
        assert_eq!(
            (of("stranger.1"), of("web-1.1"), of("web-1.2")),
            (Some(state), Some(state), Some(PowerState::Running))
        );
        let left =
            |event: &Event| matches!(event, Event::ReconcilerStep { detail, .. } if detail.contains("left alone"));
        assert_eq!(scene.events(left), if policy == Policy::Leave { 2 } else { 0 }, "told once each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unhealthy_instances_are_left_or_terminated_as_declared() {
    for policy in [Policy::Leave, Policy::Terminate] {
        let scene = Scene::start(webservers(2, 0), Cloud::default(), |settings| settings.reconciler.unhealthy = policy);
        scene.cloud.set("web-2.1", PowerState::Frozen);
        if policy == Policy::Leave {
            scene.until_looked(20).await;
            assert_eq!(scene.cloud.ids("web-2"), ["web-2.1"]);
            continue;
        }
        scene.until_replaced(&["web-2"]).await;
        let silent = scene.cloud.kept().instances[2].address;
        scene.cloud.kept().silent.insert(silent);
        let terminated =
            |event: &Event| matches!(event, Event::ReconcilerTerminates { server, .. } if server == "web-1");
        scene.until("an end of web-1", |scene| scene.events(terminated) > 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_unhealthy_with_others_is_replaced_after_them_and_only_if_it_is_still() {
    for back_off in [true, false] {
        let held = Cloud { held: AtomicBool::new(true), ..Cloud::default() };
        let scene = Scene::start(webservers(3, 0), held, |settings| {
            settings.reconciler.unhealthy = Policy::Terminate;
            settings.reconciler.back_off = back_off;
        });
        for server in ["web-1.1", "web-2.1", "web-3.1"] {
            scene.cloud.set(server, PowerState::Frozen);
        }
        let terminated = |event: &Event| matches!(event, Event::ReconcilerTerminates { .. });
        scene.until("an end of one", |scene| scene.events(terminated) > 0).await;
        // A short cut is over, long before the boot is.
        scene.until_looked(5).await;
        scene.cloud.kept().instances.iter_mut().filter(|one| one.state == PowerState::Frozen).for_each(|one| {
            one.state = PowerState::Running;
        });
        scene.cloud.held.store(false, Ordering::SeqCst);
        scene.until_replaced(&["web-1"]).await;
        scene.until_looked(20).await;
        assert_eq!(scene.events(terminated), if back_off { 1 } else { 3 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_takes_the_place_before_the_boot_is_over() {
    let held = Cloud { held: AtomicBool::new(true), ..Cloud::default() };
    let scene = Scene::start(webservers(2, 1), held, |_| {});
    scene.cloud.set("web-1.1", PowerState::Terminated);
    let written = |event: &Event| matches!(event, Event::ReconcilerRefreshed { server, files } if server == "lb-1" && files.contains(&"/etc/haproxy/chimp.cfg".to_string()));
    scene.until("the spare in the balancer's file", |scene| scene.events(written) > 0).await;
    let place =
        |is_it: &dyn Fn(&Event) -> bool| scene.memory.events().iter().position(|record| is_it(&record.event)).unwrap();
    let promoted = |event: &Event| matches!(event, Event::SparePromoted { spare, instead_of } if spare == "web-3" && instead_of == "web-1");
    assert!(place(&promoted) < place(&written));
    scene.cloud.held.store(false, Ordering::SeqCst);
    scene.until_replaced(&["web-1"]).await;

    scene.cloud.set("web-1.2", PowerState::Terminated);
    scene.until_looked(20).await;
    let promotions = scene.events(|event| matches!(event, Event::SparePromoted { .. }));
    assert_eq!(promotions, 1, "web-1 is the spare now: its place is nobody's");
}
