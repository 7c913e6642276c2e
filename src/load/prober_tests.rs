use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Instant;

use super::*;
use crate::history::Source;
use crate::history::recorder::Memory;
use crate::load::Site;
use crate::load::test_server::{Behaviour, Certificates, serve};
use crate::settings::{RequestSettings, Scheme};

struct Probing {
    prober: Prober,
    memory: Memory,
    behaviour: Arc<Behaviour>,
}

/// Probes a fresh server at 200/s with a deadline of 20 s, which a loaded machine keeps.
async fn probe(settings: RequestSettings, change: impl FnOnce(&mut ProberConfig)) -> Probing {
    let behaviour = Arc::new(Behaviour::default());
    let address = serve(behaviour.clone(), None).await;
    probe_at(address, behaviour, &settings, change)
}

fn probe_at(
    address: SocketAddr,
    behaviour: Arc<Behaviour>,
    settings: &RequestSettings,
    change: impl FnOnce(&mut ProberConfig),
) -> Probing {
    let site = Site { address: address.ip(), port: address.port(), host: "site".into() };
    let request = PreparedRequest::new(settings, &site).unwrap();
    let mut config = ProberConfig { request, rate: 200.0, deadline: Duration::from_secs(20), in_flight: 1000 };
    change(&mut config);
    let (recorder, memory) = Recorder::memory(Clock::start());
    Probing { prober: Prober::start(config, recorder).unwrap(), memory, behaviour }
}

impl Probing {
    /// Waits until this holds; a test that waits for longer than 20 s has failed.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            assert!(Instant::now() < deadline, "waited 20 s until {what}; {:?}", self.prober.live());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn due(&self) -> u64 {
        self.prober.live().due
    }

    async fn stop(self) -> Vec<Request> {
        self.prober.stop().await.unwrap();
        self.memory.requests(Source::Prober)
    }
}

fn path(path: &str) -> RequestSettings {
    RequestSettings { path: path.into(), ..RequestSettings::default() }
}

/// Every outcome of some requests with these settings.
async fn outcomes(settings: RequestSettings) -> Vec<Outcome> {
    let probing = probe(settings, |_| {}).await;
    probing.until("20 requests are due", |p| p.due() >= 20).await;
    probing.stop().await.iter().map(|request| request.outcome).collect()
}

fn all_are(outcomes: &[Outcome], expected: Outcome) {
    assert!(!outcomes.is_empty() && outcomes.iter().all(|outcome| *outcome == expected), "{outcomes:?}");
}

#[tokio::test]
async fn a_healthy_site_is_asked_at_the_rate_and_answers_well() {
    let probing = probe(path("/"), |_| {}).await;
    probing.until("100 requests are due", |p| p.due() >= 100).await;
    let kept = |p: &Probing| p.behaviour.connections.load(Ordering::SeqCst) < p.due() as usize / 2;
    probing.until("each connection was used twice", kept).await;
    let requests = probing.stop().await;
    assert!(requests.iter().all(|r| r.outcome == Outcome::Good && r.latency_us >= r.late_us), "{requests:?}");
    for pair in requests.windows(2) {
        assert_eq!(pair[1].due_us - pair[0].due_us, 5_000);
    }
}

#[tokio::test]
async fn a_site_that_hangs_is_still_asked_and_every_request_due_meanwhile_is_bad() {
    let probing = probe(path("/"), |config| config.deadline = Duration::from_millis(300)).await;
    probing.until("it runs", |p| p.due() >= 20).await;
    let clock_at_hang = probing.prober.live();
    probing.behaviour.hang.store(true, Ordering::SeqCst);
    probing.until("an outage of 200 requests", |p| p.due() >= clock_at_hang.due + 200).await;
    assert!(probing.prober.live().oldest_ms > 0.0);
    probing.behaviour.hang.store(false, Ordering::SeqCst);
    let good = |p: &Probing| p.memory.requests(Source::Prober).iter().filter(|r| r.outcome == Outcome::Good).count();
    let before = good(&probing);
    probing.until("it serves again", |p| good(p) > before).await;
    let requests = probing.stop().await;
    let timeouts: Vec<_> = requests.iter().filter(|r| r.outcome == Outcome::Timeout).collect();
    // Those due in the last 300 ms of the outage are still answered in time.
    assert!(timeouts.len() >= 120, "{} timeouts", timeouts.len());
    assert!(timeouts.iter().all(|r| r.latency_us >= 300_000), "{timeouts:?}");
    for pair in requests.windows(2) {
        assert_eq!(pair[1].due_us - pair[0].due_us, 5_000, "requests are missing or out of order");
    }
}

#[tokio::test]
async fn beyond_the_in_flight_limit_what_is_due_is_not_sent() {
    let probing = probe(path("/"), |config| {
        config.in_flight = 7;
        config.deadline = Duration::from_secs(3);
    })
    .await;
    probing.behaviour.hang.store(true, Ordering::SeqCst);
    probing.until("100 requests are due", |p| p.due() >= 100).await;
    assert_eq!(probing.prober.live().in_flight, 7);
    let asked = probing.behaviour.requests.load(Ordering::SeqCst);
    let requests = probing.stop().await;
    let not_sent: Vec<_> = requests.iter().filter(|r| r.outcome == Outcome::NotSent).collect();
    assert!(asked < 60 && not_sent.len() >= 40, "{asked} asked, {} not sent", not_sent.len());
    assert!(not_sent.iter().all(|r| (r.late_us, r.latency_us) == (0, 3_000_000)));
}

#[tokio::test]
async fn stopping_waits_for_what_is_under_way_and_records_it() {
    let probing = probe(path("/"), |config| config.deadline = Duration::from_millis(100)).await;
    probing.behaviour.hang.store(true, Ordering::SeqCst);
    probing.until("some hang", |p| p.due() >= 5).await;
    let seen = probing.due();
    let requests = probing.stop().await;
    assert!(requests.len() as u64 >= seen);
    assert_eq!(requests.last().unwrap().outcome, Outcome::Timeout);
}

/// What a prober without a loop has, its clock so far ahead; its deadline is an hour.
fn shared(address: SocketAddr, ahead_us: u64) -> (Arc<Shared>, Memory) {
    let site = Site { address: address.ip(), port: address.port(), host: "site".into() };
    let (recorder, memory) = Recorder::memory(Clock::start());
    let ledger = Mutex::new(Ledger::new(recorder.clone(), LiveView::default(), 3_600_000_000));
    let client = Client::new(PreparedRequest::new(&path("/"), &site).unwrap());
    let clock = Clock::with_epoch(recorder.clock().epoch() - ahead_us);
    (Arc::new(Shared { client, clock, deadline_us: 3_600_000_000, ledger }), memory)
}

#[tokio::test]
async fn a_request_that_is_sent_late_counts_from_when_it_was_due() {
    let (shared, memory) = shared(serve(Arc::default(), None).await, 60_000_000);
    let clock = shared.clock;
    shared.send(1_000_000, clock.now_us(), 10);
    while shared.ledger().in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    shared.tidy(clock.now_us());
    let request = memory.requests(Source::Prober)[0];
    assert_eq!((request.due_us, request.outcome), (1_000_000, Outcome::Good));
    assert!(request.late_us >= 59_000_000 && request.latency_us > request.late_us, "{request:?}");
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let probing = probe_at(address, Arc::default(), &path("/"), |_| {});
    probing.until("20 requests are due", |p| p.due() >= 20).await;
    let requests = probing.stop().await;
    all_are(&requests.iter().map(|r| r.outcome).collect::<Vec<_>>(), Outcome::Refused);
}

#[tokio::test]
async fn status_body_and_broken_answers_are_told_apart() {
    all_are(&outcomes(path("/503")).await, Outcome::Status(503));
    all_are(&outcomes(path("/cut")).await, Outcome::Broken);
    let contains = |text: &str| RequestSettings { body_contains: Some(text.into()), ..path("/") };
    all_are(&outcomes(contains("welcome")).await, Outcome::Good);
    all_are(&outcomes(contains("farewell")).await, Outcome::WrongBody);
    all_are(&outcomes(RequestSettings { good_status: vec![503], ..path("/503") }).await, Outcome::Good);
}

#[tokio::test]
async fn redirects_are_followed_only_when_asked_and_not_for_ever() {
    let following = |at: &str| RequestSettings { follow_redirects: true, ..path(at) };
    all_are(&outcomes(path("/moved")).await, Outcome::Status(301));
    all_are(&outcomes(following("/moved")).await, Outcome::Good);
    all_are(&outcomes(following("/hops/5")).await, Outcome::Good);
    all_are(&outcomes(following("/hops/6")).await, Outcome::Status(302));
    all_are(&outcomes(following("/loop")).await, Outcome::Status(302));
}

#[tokio::test]
async fn headers_and_host_are_sent() {
    let headers = [("X-Key".to_string(), "secret".to_string())].into();
    all_are(&outcomes(RequestSettings { headers, ..path("/needs-key") }).await, Outcome::Good);
    all_are(&outcomes(path("/needs-key")).await, Outcome::Status(403));
    all_are(&outcomes(RequestSettings { host: Some("shop.example".into()), ..path("/host") }).await, Outcome::Good);
}

/// A server of the tests that answers one request on each connection, and closes it on request; then it reports that.
struct Closing {
    close: mpsc::Sender<()>,
    closed: mpsc::Receiver<()>,
}

impl Closing {
    fn serve() -> (SocketAddr, Closing) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ((close, told), (says, closed)) = (mpsc::channel(), mpsc::channel());
        std::thread::spawn(move || {
            loop {
                let (mut connection, _) = listener.accept().unwrap();
                let _request = connection.read(&mut [0; 4096]).unwrap();
                connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nwelcome").unwrap();
                if told.recv().is_err() {
                    return;
                }
                drop(connection);
                says.send(()).unwrap();
            }
        });
        (address, Closing { close, closed })
    }

    /// Returns when the kernel has the end of the connection; this thread's runtime can't have seen it meanwhile.
    fn closes(&self) {
        self.close.send(()).unwrap();
        self.closed.recv().unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_at_rest_is_not_an_outage() {
    let (address, server) = Closing::serve();
    let (shared, memory) = shared(address, 0);
    for _ in 0..20 {
        let now_us = shared.clock.now_us();
        shared.send(now_us, now_us, 10);
        while shared.ledger().in_flight() > 0 || shared.client.at_rest() == 0 {
            assert!(shared.clock.now_us() < now_us + 20_000_000, "no connection rests after 20 s");
            tokio::task::yield_now().await;
        }
        server.closes();
    }
    shared.tidy(shared.clock.now_us());
    let outcomes: Vec<_> = memory.requests(Source::Prober).iter().map(|request| request.outcome).collect();
    assert_eq!(outcomes.len(), 20);
    all_are(&outcomes, Outcome::Good);
}

#[tokio::test]
async fn https_trusts_its_own_authority_and_no_other() {
    let (own, other) = (Certificates::of("own"), Certificates::of("other"));
    let address = serve(Arc::default(), Some(&own)).await;
    for (authority, host, expected) in [
        (&own.authority, "site", Outcome::Good),
        (&other.authority, "site", Outcome::Broken),
        (&own.authority, "elsewhere", Outcome::Broken),
    ] {
        let settings = RequestSettings {
            scheme: Scheme::Https,
            ca: Some(authority.clone()),
            host: Some(host.into()),
            ..path("/")
        };
        let probing = probe_at(address, Arc::default(), &settings, |_| {});
        probing.until("20 requests are due", |p| p.due() >= 20).await;
        let requests = probing.stop().await;
        all_are(&requests.iter().map(|r| r.outcome).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn settings_without_sense_are_refused_by_name() {
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let site = Site { address: address.ip(), port: 9, host: "site".into() };
    let request = PreparedRequest::new(&path("/"), &site).unwrap();
    let sane = ProberConfig { request, rate: 1.0, deadline: Duration::from_secs(1), in_flight: 1 };
    for (config, field) in [
        (ProberConfig { rate: 0.0, ..sane.clone() }, "load.rate"),
        (ProberConfig { rate: f64::NAN, ..sane.clone() }, "load.rate"),
        (ProberConfig { deadline: Duration::ZERO, ..sane.clone() }, "load.deadline"),
        (ProberConfig { in_flight: 0, ..sane.clone() }, "load.in_flight"),
    ] {
        let (recorder, _memory) = Recorder::memory(Clock::start());
        let why = Prober::start(config, recorder).unwrap_err().to_string();
        assert!(why.contains(field), "{why}");
    }
}
