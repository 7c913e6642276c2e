//! Which servers count as ones that serve, where the address is led then, and a provider that fails.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::*;
use crate::clock::Clock;
use crate::history::recorder::Memory;
use crate::infrastructure::file;
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerOp, Question};
use crate::provider::{Provider, ProviderError, Remote};
use crate::render::{Addresses, Secrets};
use crate::settings::Settings;
use crate::site::TopologyLock;

/// Far more than anything here takes, on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(30);

fn seen(health: &mut Health, looks: &str) -> Vec<bool> {
    let settings = FailoverSettings { rise: 2, fall: 3, ..FailoverSettings::default() };
    let look = |look| if look == '+' { Ok(()) } else { Err("no answer".to_string()) };
    let mut take = |one| {
        health.take(look(one), &settings);
        health.down.is_none()
    };
    looks.chars().map(&mut take).collect()
}

#[test]
fn a_server_falls_and_rises_after_so_many_looks_in_a_row() {
    let mut health = Health::default();
    assert_eq!(seen(&mut health, "--+--"), [true; 5], "never three in a row");
    assert_eq!(seen(&mut health, "-"), [false]);
    assert_eq!(health.down.as_deref(), Some("3 looks in a row failed, the last one so: no answer"));
    assert_eq!(seen(&mut health, "+-+-"), [false; 4], "never two in a row");
    assert_eq!(seen(&mut health, "++"), [false, true]);
}

#[tokio::test]
async fn a_look_that_takes_too_long_failed() {
    let within = Duration::from_millis(15);
    assert_eq!(answered(std::future::pending(), within).await.unwrap_err(), "no answer within 15 ms");
    assert_eq!(answered(std::future::ready(Ok(())), within).await, Ok(()));
}

#[test]
fn an_address_leads_on_to_the_first_that_serves_and_never_back() {
    let holders = ["lb-1", "lb-2", "lb-3"].map(String::from);
    let health = |down: &[&str]| -> BTreeMap<String, Health> {
        let health = |name: &String| {
            let down = down.contains(&name.as_str()).then(|| "dead".to_string());
            (name.clone(), Health { down, against: 0 })
        };
        holders.iter().map(health).collect()
    };
    let leads = |down: &[&str], from| next(&holders, &health(down), from).map(|(to, _)| to);
    assert_eq!(leads(&["lb-1"], Some("lb-1")).as_deref(), Some("lb-2"));
    assert_eq!(leads(&["lb-1", "lb-2"], Some("lb-2")).as_deref(), Some("lb-3"));
    assert_eq!(leads(&["lb-2"], Some("lb-2")).as_deref(), Some("lb-1"));
    assert_eq!(leads(&[], Some("lb-2")), None, "lb-1 serves again, and so does lb-2");
    assert_eq!(leads(&["lb-1", "lb-2", "lb-3"], Some("lb-1")), None, "none serves");
    assert_eq!(leads(&[], None).as_deref(), Some("lb-1"), "it leads nowhere");
}

/// What a provider does when it is asked to lead an address, one after the other; it does the last one from then on.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Leads,
    Refuses,
    /// It is led, but the answer is lost.
    LeadsAndFails,
}

/// A provider of servers of which `lb-1` does not serve.
struct Cloud {
    down: Ipv4Addr,
    answers: Vec<Answer>,
    led: Mutex<Led>,
}

struct Led {
    to: String,
    /// How often it was asked to lead.
    asked: usize,
    /// How often it was asked where it leads.
    looked: usize,
    /// How often a server was looked at.
    seen: usize,
}

fn failure() -> ProviderError {
    ProviderError::Between("the cloud is busy".into())
}

#[async_trait]
impl Provider for Cloud {
    async fn boot(&self, _: &InstanceSpec) -> Result<Instance, ProviderError> {
        unreachable!("nothing boots here")
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        unreachable!("the failover goes by its own looks")
    }

    async fn power(&self, _: &InstanceId, _: PowerOp) -> Result<(), ProviderError> {
        unreachable!("nothing is switched here")
    }

    async fn connect(&self, _: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        unreachable!("nothing is logged in to here")
    }

    async fn look(&self, question: &Question) -> Option<Result<(), String>> {
        self.led.lock().unwrap().seen += 1;
        let is_down = question.at.ip() == IpAddr::V4(self.down);
        Some(if is_down { Err("no answer".into()) } else { Ok(()) })
    }

    async fn lead(&self, _: &str, to: &str) -> Result<(), ProviderError> {
        let mut led = self.led.lock().unwrap();
        let answer = self.answers[led.asked.min(self.answers.len() - 1)];
        led.asked += 1;
        if !matches!(answer, Answer::Refuses) {
            led.to = to.into();
        }
        if matches!(answer, Answer::Leads) { Ok(()) } else { Err(failure()) }
    }

    async fn leads_to(&self, _: &str) -> Result<Option<String>, ProviderError> {
        let mut led = self.led.lock().unwrap();
        led.looked += 1;
        Ok(Some(led.to.clone()))
    }
}

/// A failover at work on two balancers, the first of which holds the address and does not serve.
struct Scene {
    cloud: Arc<Cloud>,
    memory: Memory,
    _failover: Failover,
}

impl Scene {
    fn start(answers: &[Answer]) -> Scene {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/infrastructures/floating-ip.yaml");
        let infrastructure = Arc::new(file::read(&file).unwrap());
        let addresses = Addresses::assign(&infrastructure, |n| Ipv4Addr::from(0xC612_0002 + u32::from(n)), 24);
        let led = Mutex::new(Led { to: "lb-1".into(), asked: 0, looked: 0, seen: 0 });
        let cloud = Arc::new(Cloud { down: addresses.servers["lb-1"], answers: answers.to_vec(), led });
        let mut settings = Settings::default();
        settings.failover.every = Duration::from_millis(5);
        let (recorder, memory) = Recorder::memory(Clock::start());
        let provider = Arc::clone(&cloud) as Arc<dyn Provider>;
        let (secrets, databases) = (Secrets::of("a test"), TopologyLock::default());
        let site = Site { infrastructure, addresses, entry: None, settings, provider, recorder, secrets, databases };
        Scene { cloud, memory, _failover: Failover::start(&site).unwrap() }
    }

    async fn until(&self, what: &str, came: impl Fn(&Scene) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !came(self) {
            assert!(Instant::now() < deadline, "{what} never came: {:#?}", self.memory.events());
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// What was recorded, in short.
    fn told(&self) -> Vec<String> {
        let events = self.memory.events().into_iter();
        let told = events.filter_map(|record| match record.event {
            Event::FloatingIpAsked { from, to, .. } => Some(format!("{from} to {to}")),
            Event::FloatingIpLed { to, .. } => Some(format!("leads to {to}")),
            Event::FloatingIpFailed { detail, .. } => Some(detail),
            _ => None,
        });
        told.collect()
    }
}

#[tokio::test]
async fn what_a_provider_failed_to_do_is_asked_for_again_and_a_failure_is_told_once() {
    let scene = Scene::start(&[Answer::Refuses, Answer::Refuses, Answer::Leads]);
    scene.until("the move", |scene| scene.told().iter().any(|line| line == "leads to lb-2")).await;
    let busy = failure().to_string();
    let asked = "lb-1 to lb-2".to_string();
    assert_eq!(scene.told(), [asked.clone(), busy, asked.clone(), asked, "leads to lb-2".into()]);
    let led = scene.cloud.led.lock().unwrap();
    assert_eq!(
        (led.to.as_str(), led.asked, led.looked),
        ("lb-2", 3, 3),
        "it is asked where it leads after each failure"
    );
}

#[tokio::test]
async fn what_was_done_though_the_answer_was_lost_is_not_asked_for_again() {
    let scene = Scene::start(&[Answer::LeadsAndFails]);
    scene.until("a look after the failure", |scene| scene.cloud.led.lock().unwrap().looked == 2).await;
    let seen = |scene: &Scene| scene.cloud.led.lock().unwrap().seen;
    let wanted = seen(&scene) + 10;
    scene.until("some looks more", |scene| seen(scene) >= wanted).await;
    assert_eq!(scene.told(), ["lb-1 to lb-2".to_string(), failure().to_string()]);
    assert_eq!(scene.cloud.led.lock().unwrap().asked, 1);
}
