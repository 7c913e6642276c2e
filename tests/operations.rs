//! Users of the demonstration site, against a site in this process that knows what it applied: every operation is on record, with the only end that
//! can be true.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anarcho_chimp::clock::Clock;
use anarcho_chimp::extend::{Page, key_of};
use anarcho_chimp::history::recorder::Memory;
use anarcho_chimp::history::{DataRecord, Ended, Recorder, Work};
use anarcho_chimp::load::work::{WorkConfig, Workers};
use anarcho_chimp::load::{PreparedRequest, Site};
use anarcho_chimp::settings::RequestSettings;
use anarcho_chimp::site_plugin::op::{Op, What};
use anarcho_chimp::workload::Workload;
use serde::Deserialize;

/// A site that breaks every tenth connection after it applied a post, and refuses every seventh.
#[derive(Default)]
struct Website {
    posts: Mutex<BTreeSet<String>>,
    names: Mutex<BTreeMap<String, String>>,
    asked: AtomicU32,
    hangs: AtomicBool,
    /// How many requests met that it hangs.
    hanging: AtomicU32,
}

impl Website {
    fn serve(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let site = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let site = site.clone();
                std::thread::spawn(move || site.converse(stream));
            }
        });
        address
    }

    fn converse(&self, stream: TcpStream) -> Option<()> {
        let mut input = BufReader::new(stream.try_clone().ok()?);
        let mut output = stream;
        loop {
            let (line, body) = request(&mut input)?;
            if self.hangs.load(Ordering::SeqCst) {
                self.hanging.fetch_add(1, Ordering::SeqCst);
            }
            while self.hangs.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let (status, answer) = self.answer(&line, &body)?;
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", answer.len());
            output.write_all((head + &answer).as_bytes()).ok()?;
        }
    }

    /// `None` breaks the connection.
    fn answer(&self, line: &str, body: &str) -> Option<(u16, String)> {
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_string();
        match line.split(' ').collect::<Vec<_>>()[..2] {
            ["POST", "/signup"] => {
                let mut names = self.names.lock().unwrap();
                let owner = names.entry(text("name")).or_insert_with(|| text("token")).clone();
                let taken = (409, r#"{"error":"taken","applied":"no"}"#.to_string());
                Some(if owner == text("token") { (201, "{}".into()) } else { taken })
            }
            ["POST", "/posts"] => {
                let number = self.asked.fetch_add(1, Ordering::SeqCst);
                if number % 7 == 6 {
                    return Some((503, r#"{"error":"away","applied":"no"}"#.into()));
                }
                assert!(self.posts.lock().unwrap().insert(text("key")), "a key was used twice");
                (number % 10 != 9).then(|| (201, "{}".into()))
            }
            ["POST", "/follows"] => Some((201, "{}".into())),
            ["GET", path] => {
                let author = path.split('/').nth(2).unwrap_or_default();
                let posts = self.posts.lock().unwrap();
                let keys: Vec<&String> = posts.iter().filter(|key| key.starts_with(&format!("{author}-"))).collect();
                Some((200, serde_json::json!({ "keys": keys, "stale": false }).to_string()))
            }
            _ => Some((404, String::new())),
        }
    }
}

/// The request line and the body.
fn request(input: &mut impl BufRead) -> Option<(String, String)> {
    let (mut first, mut length) = (String::new(), 0);
    (input.read_line(&mut first).ok()? > 0).then_some(())?;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some((first, String::from_utf8(body).ok()?))
}

async fn start(address: SocketAddr) -> (Workers, Memory) {
    let site = Site { address: address.ip(), port: address.port(), host: "site".into() };
    let config = WorkConfig {
        workload: Workload { settle: Duration::ZERO, ..Workload::registered("site") },
        request: PreparedRequest::new(&RequestSettings::default(), &site).unwrap(),
        servers: BTreeMap::new(),
        password: None,
        users: 8,
        pause_min: Duration::from_millis(5),
        pause_max: Duration::from_millis(10),
        deadline: Duration::from_secs(5),
        seed: 7,
    };
    let (recorder, memory) = Recorder::memory(Clock::start());
    let mut workers = Workers::new(config, recorder).unwrap();
    workers.prepare().await.unwrap();
    workers.start();
    (workers, memory)
}

/// What is on record, each with what was asked for.
fn operations(memory: &Memory) -> Vec<(Op, Work)> {
    let operation = |record| match record {
        DataRecord::Work(work) => Some((Op::of_asked(work.asked()).expect("an operation of the site"), work)),
        _ => None,
    };
    memory.data().into_iter().filter_map(operation).collect()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 20 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn every_operation_is_on_record_with_the_only_end_that_can_be_true() {
    let site = Arc::new(Website::default());
    let (mut workers, memory) = start(site.serve()).await;
    until("500 operations", || memory.data().len() >= 500).await;
    site.hangs.store(true, Ordering::SeqCst);
    until("a request hangs", || site.hanging.load(Ordering::SeqCst) > 0).await;
    workers.stop().await.unwrap();
    let operations = operations(&memory);
    site.hangs.store(false, Ordering::SeqCst);

    let posts = site.posts.lock().unwrap();
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for (op, work) in &operations {
        assert!(work.invoked_us < work.ended_us && work.call.changes() == op.is_write());
        let What::Post { number } = op.what else { continue };
        let there = posts.contains(&key_of(&op.by, number));
        let (end, true_) = match work.outcome {
            Ended::Ok => ("ok", there),
            Ended::Fail => ("fail", !there),
            Ended::Info => ("info", true),
        };
        assert!(true_, "{work:?}");
        *ends.entry(end).or_default() += 1;
    }
    assert!(ends["ok"] > 50 && ends["fail"] > 5 && ends["info"] > 5, "{ends:?}");
    let left = |(_, work): &&(Op, Work)| work.detail.as_deref() == Some("still under way when the users left");
    assert!((1..=8).contains(&operations.iter().filter(left).count()), "each user has at most one under way");
    let key =
        |(op, _): &(Op, Work)| if let What::Post { number } = op.what { Some(key_of(&op.by, number)) } else { None };
    let asked: BTreeSet<String> = operations.iter().filter_map(key).collect();
    assert!(posts.is_subset(&asked), "something was posted that is on no record");
}

#[tokio::test]
async fn users_do_one_thing_at_a_time_and_see_what_was_posted() {
    let site = Arc::new(Website::default());
    let (mut workers, memory) = start(site.serve()).await;
    until("500 operations", || memory.data().len() >= 500).await;
    workers.stop().await.unwrap();
    workers.finish().await;
    let mut operations = operations(&memory);
    assert!(operations.iter().all(|(_, work)| !work.is_last()), "what is there in the end is read from the databases");
    operations.sort_by_key(|(_, work)| work.invoked_us);
    let mut by_user: BTreeMap<&str, Vec<&(Op, Work)>> = BTreeMap::new();
    operations.iter().for_each(|operation| by_user.entry(&operation.0.by).or_default().push(operation));
    let users: Vec<&str> = by_user.keys().copied().collect();
    assert_eq!(users, ["u7-0", "u7-1", "u7-2", "u7-3", "u7-4", "u7-5", "u7-6", "u7-7"]);
    for (user, operations) in by_user {
        assert_eq!(operations[0].0.what, What::Signup { name: user.into() });
        assert!(operations.windows(2).all(|pair| pair[0].1.ended_us <= pair[1].1.invoked_us), "{user}");
    }
    let shows_all = |page: Page| page.whole && !page.entries.0.is_empty();
    assert!(operations.iter().any(|(_, work)| Page::deserialize(work.saw()).is_ok_and(shows_all)));
    let turned_down = |(op, work): &&(Op, Work)| matches!(op.what, What::Signup { .. }) && work.outcome == Ended::Fail;
    let losers: BTreeSet<&str> = operations.iter().filter(turned_down).map(|(op, _)| op.by.as_str()).collect();
    assert!(losers.len() > 1, "names are contended");
}
