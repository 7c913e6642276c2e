//! The users' process, started as the harness starts it: the `chimp` binary becomes the worker.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::recorder::Memory;
use anarcho_chimp::history::{Event, Outcome, Recorder, Request, Source};
use anarcho_chimp::load::{PreparedRequest, Site, Users, UsersConfig};
use anarcho_chimp::settings::RequestSettings;

/// A website with a thread for each connection.
#[derive(Default)]
struct Website {
    open: AtomicUsize,
    hang: AtomicBool,
    with_key: AtomicUsize,
    pages: [AtomicUsize; 2],
}

impl Website {
    fn serve(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let site = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let site = site.clone();
                std::thread::Builder::new().stack_size(64 * 1024).spawn(move || site.converse(stream)).unwrap();
            }
        });
        address
    }

    fn converse(&self, mut stream: TcpStream) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let mut buffer = [0; 4096];
        while let Ok(n) = stream.read(&mut buffer) {
            if n == 0 {
                break;
            }
            let request = String::from_utf8_lossy(&buffer[..n]).to_lowercase();
            self.with_key.fetch_add(usize::from(request.contains("x-key: secret")), Ordering::SeqCst);
            self.pages[usize::from(request.starts_with("get /second"))].fetch_add(1, Ordering::SeqCst);
            while self.hang.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let body = "welcome to the site";
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn config(address: SocketAddr, users: u32, settings: &RequestSettings) -> UsersConfig {
    let site = Site { address: address.ip(), port: address.port(), host: "site".into() };
    UsersConfig {
        request: PreparedRequest::new(settings, &site).unwrap(),
        users,
        pause_min: Duration::from_millis(10),
        pause_max: Duration::from_millis(20),
        deadline: Duration::from_millis(500),
    }
}

fn start(config: UsersConfig) -> (Users, Memory) {
    let (recorder, memory) = Recorder::memory(Clock::start());
    (Users::start_with(Path::new(env!("CARGO_BIN_EXE_chimp")), config, recorder).unwrap(), memory)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited 20 s until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn user_requests(memory: &Memory) -> Vec<Request> {
    memory.requests(Source::User)
}

#[tokio::test]
async fn users_browse_their_pages_with_a_connection_each_and_everything_is_recorded() {
    let site = Arc::new(Website::default());
    let settings = RequestSettings {
        pages: vec!["/".into(), "/second".into()],
        headers: [("X-Key".to_string(), "secret".to_string())].into(),
        body_contains: Some("welcome".into()),
        ..RequestSettings::default()
    };
    let begun = Instant::now();
    let (users, memory) = start(config(site.serve(), 7, &settings));
    until("200 samples came", || users.samples() >= 200).await;
    assert_eq!(site.open.load(Ordering::SeqCst), 7);
    users.stop().await.unwrap();
    let lasted_us = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let requests = user_requests(&memory);
    assert!(requests.len() >= 200);
    assert!(requests.iter().all(|r| r.outcome == Outcome::Good && r.late_us == 0 && r.due_us < lasted_us));
    let (first, second) = (site.pages[0].load(Ordering::SeqCst), site.pages[1].load(Ordering::SeqCst));
    assert!(first.abs_diff(second) <= 7, "{first} and {second}");
    assert_eq!(site.with_key.load(Ordering::SeqCst), first + second);
    let events: Vec<Event> = memory.events().into_iter().map(|record| record.event).collect();
    assert_eq!(events, [Event::UsersStarted { users: 7 }]);
    until("every connection is closed", || site.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn users_of_a_site_that_hangs_give_up_at_the_deadline_and_still_stop_at_once() {
    let site = Arc::new(Website::default());
    site.hang.store(true, Ordering::SeqCst);
    let (users, memory) = start(config(site.serve(), 3, &RequestSettings::default()));
    until("some gave up", || users.samples() >= 6).await;
    let told = Instant::now();
    users.stop().await.unwrap();
    assert!(told.elapsed() < Duration::from_secs(20), "{:?}", told.elapsed());
    site.hang.store(false, Ordering::SeqCst);
    for request in user_requests(&memory) {
        assert_eq!(request.outcome, Outcome::Timeout);
        assert!(request.latency_us >= 500_000);
    }
}

#[tokio::test]
async fn users_of_a_closed_port_are_refused() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (users, memory) = start(config(closed, 2, &RequestSettings::default()));
    until("some were refused", || users.samples() >= 6).await;
    users.stop().await.unwrap();
    assert!(user_requests(&memory).iter().all(|r| r.outcome == Outcome::Refused));
}

#[tokio::test]
async fn a_worker_that_dies_by_itself_is_noticed_and_said_why() {
    let (recorder, memory) = Recorder::memory(Clock::start());
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    // A program that is no worker: it complains about its argument and ends.
    let users =
        Users::start_with(Path::new("/bin/ls"), config(address, 1, &RequestSettings::default()), recorder).unwrap();
    until("it is lost", || !memory.events().is_empty()).await;
    let Event::UsersLost { detail } = memory.events()[0].event.clone() else { panic!("{:?}", memory.events()) };
    assert!(detail.contains("exit status: 2") && detail.contains("__goose-worker"), "{detail}");
    users.stop().await.unwrap();
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_an_error() {
    let (recorder, _memory) = Recorder::memory(Clock::start());
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let why = Users::start_with(Path::new("/no/such"), config(address, 1, &RequestSettings::default()), recorder);
    assert!(why.unwrap_err().to_string().contains("starting the users' process"));
}
