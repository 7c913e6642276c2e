use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::{Instant, sleep};

use super::*;
use crate::clock::Clock;
use crate::history::Recorder;
use crate::history::recorder::Memory;
use crate::instance::{Between, InstanceSpec, PowerOp};
use crate::observer::watcher::Blindness;
use crate::provider::Remote;

/// One server of another kernel, that is what it is said to be, and how often it was looked at.
struct Elsewhere {
    is: Mutex<Instance>,
    looks: AtomicUsize,
}

#[async_trait]
impl Provider for Elsewhere {
    async fn boot(&self, _: &InstanceSpec) -> Result<Instance, ProviderError> {
        self.list().await.map(|mut all| all.remove(0))
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        Ok(vec![self.is.lock().unwrap().clone()])
    }

    async fn measured(&self, _: &InstanceId) -> Result<Instance, ProviderError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        Ok(self.is.lock().unwrap().clone())
    }

    async fn power(&self, _: &InstanceId, _: PowerOp) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Err(ProviderError::Unknown(instance.id.clone()))
    }
}

struct Trial {
    provider: Arc<Elsewhere>,
    observer: InstanceObserver,
    instances: watch::Receiver<Vec<Instance>>,
    last_heard: LastHeard,
    recorder: Recorder,
    memory: Memory,
}

impl Trial {
    fn new() -> Trial {
        let (id, evidence) = (InstanceId("web-1".into()), String::new());
        let (address, state) = (Ipv4Addr::LOCALHOST, PowerState::Running);
        let is = Instance { id, name: "web-1".into(), address, state, evidence, first_process: None, changed: None };
        let provider = Arc::new(Elsewhere { is: Mutex::new(is), looks: AtomicUsize::new(0) });
        let (list, instances) = watch::channel(Vec::new());
        let published = Published { instances: list, owners: watch::channel(Owners::new()).0 };
        let last_heard = LastHeard::default();
        let observer = InstanceObserver::new(Arc::clone(&provider) as _, published, last_heard.clone());
        let (recorder, memory) = Recorder::memory(Clock::start());
        Trial { provider, observer, instances, last_heard, recorder, memory }
    }

    async fn look(&mut self) {
        let mut blindness = Blindness::new(self.recorder.clone(), self.observer.watches());
        let mut look = Look { recorder: &self.recorder, since_us: 0, made_us: None, blindness: &mut blindness };
        self.observer.observe(&mut look).await.unwrap();
    }

    fn looks(&self) -> usize {
        self.provider.looks.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_server_is_looked_at_only_while_its_watcher_is_silent() {
    let mut trial = Trial::new();
    trial.look().await;
    for _ in 0..10 {
        let before = trial.looks();
        trial.last_heard.note("web-1");
        trial.look().await;
        // On a machine that is busy, it may have fallen silent before the look.
        let was_heard = trial.last_heard.ago("web-1").is_some_and(|ago| ago < SILENT);
        sleep(Duration::from_millis(1)).await;
        assert!(!was_heard || trial.looks() == before);
    }
    sleep(SILENT).await;
    let before = trial.looks();
    trial.look().await;
    trial.look().await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(trial.looks(), before + 1, "one look at a time");
}

#[tokio::test]
async fn a_state_is_on_record_as_of_when_it_came_about() {
    let mut trial = Trial::new();
    trial.look().await;
    trial.memory.take_events();
    let epoch_us = trial.recorder.clock().epoch();
    {
        let mut is = trial.provider.is.lock().unwrap();
        is.state = PowerState::Stopped;
        is.changed = Some(Between { since_us: epoch_us + 700, by_us: epoch_us + 900 });
    }
    trial.last_heard.note("web-1");
    sleep(SILENT).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while trial.memory.events().is_empty() && Instant::now() < deadline {
        trial.look().await;
        sleep(Duration::from_millis(1)).await;
    }
    let events = trial.memory.take_events();
    assert!(matches!(events[0].event, Event::InstanceState { state: PowerState::Stopped, .. }), "{events:?}");
    assert_eq!((events[0].at_us, events[0].resolution_us), (900, 200));
    assert_eq!(trial.instances.borrow()[0].state, PowerState::Stopped);
}
