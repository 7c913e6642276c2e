//! Users of another crate, against a server that answers, is silent, or hangs up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::clock::Clock;
use crate::history::{DataRecord, Recorder};
use crate::load::registered::Member;
use crate::load::work::{WorkConfig, Workers};
use crate::load::{PreparedRequest, Site};
use crate::register;
use crate::settings::RequestSettings;
use crate::workload::Workload;

const DEADLINE: Duration = Duration::from_millis(300);

register!(workload "test-sign-ups", sign_up);
register!(workload "test-panics", panics);

fn sign_up(member: &Member) -> Box<dyn User> {
    Box::new(SignUp { user: member.number, nth: 0 })
}

fn panics(_: &Member) -> Box<dyn User> {
    Box::new(Panics)
}

/// Asks for a name, once acknowledged for the next; in the end for all names that it got.
struct SignUp {
    user: u32,
    nth: u32,
}

impl User for SignUp {
    fn next(&mut self, _: &mut StdRng) -> Invocation {
        let name = format!("{}-{}", self.user, self.nth);
        Invocation::post("/signup", json!({ "name": name }), json!({ "signup": name }))
    }

    fn means(&self, invocation: &Invocation, response: &Response) -> (Ended, Value) {
        match (invocation.changes, response.status) {
            (_, 200 | 201) => (Ended::Ok, response.json()["name"].clone()),
            (true, 409) => (Ended::Fail, Value::Null),
            _ => (Ended::Info, Value::Null),
        }
    }

    fn ended(&mut self, work: &Work) {
        self.nth += u32::from(work.is_acknowledged());
    }

    fn last(&self) -> Vec<Invocation> {
        let own = (0..self.nth).map(|nth| format!("{}-{nth}", self.user));
        // Every user asks for this one.
        let all = own.chain(["all".into()]);
        all.map(|name| Invocation::get(format!("/users/{name}"), json!({ "read": name }))).collect()
    }
}

struct Panics;

impl User for Panics {
    fn next(&mut self, _: &mut StdRng) -> Invocation {
        panic!("it has a mistake")
    }

    fn means(&self, _: &Invocation, _: &Response) -> (Ended, Value) {
        (Ended::Ok, Value::Null)
    }

    fn last(&self) -> Vec<Invocation> {
        panic!("it is not asked any more")
    }
}

/// What a server does with the nth request, from 0: it answers with a status and a body, is silent (0), or hangs up (1).
type Answers = fn(u32, &str) -> (u16, &'static str);

async fn serve(answers: Answers) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let requests = Arc::new(AtomicU32::new(0));
        while let Ok((mut stream, _)) = listener.accept().await {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                while let Some(request) = whole_request(&mut stream).await {
                    match answers(requests.fetch_add(1, Ordering::SeqCst), &request) {
                        (0, _) => std::future::pending().await,
                        (1, _) => return,
                        (status, body) => {
                            let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", body.len());
                            stream.write_all((head + body).as_bytes()).await.unwrap();
                        }
                    }
                }
            });
        }
    });
    address
}

async fn whole_request(stream: &mut TcpStream) -> Option<String> {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(length @ 1..) => text.push_str(std::str::from_utf8(&buffer[..length]).unwrap()),
            _ => return None,
        }
    }
}

/// What is on record of `users` of a workload who work until so much is, and are asked for their last reads; and whether they left well.
async fn recorded(workload: &str, users: u32, answers: Answers, until: usize) -> (Vec<Work>, bool) {
    let address = serve(answers).await;
    let site = Site { address: address.ip(), port: address.port(), host: "site".into() };
    let (recorder, memory) = Recorder::memory(Clock::start());
    let config = WorkConfig {
        workload: Workload { settle: Duration::ZERO, ..Workload::registered(workload) },
        request: PreparedRequest::new(&RequestSettings::default(), &site).unwrap(),
        servers: Default::default(),
        password: None,
        users,
        pause_min: Duration::from_millis(5),
        pause_max: Duration::from_millis(10),
        deadline: DEADLINE,
        seed: 7,
    };
    let mut workers = Workers::new(config, recorder).unwrap();
    workers.prepare().await.unwrap();
    workers.start();
    sleep(Duration::from_millis(5)).await;
    let begun = Instant::now();
    while memory.data().len() < until {
        assert!(begun.elapsed() < Duration::from_secs(60), "only {} are on record", memory.data().len());
        sleep(Duration::from_millis(5)).await;
    }
    let stopped = workers.stop().await;
    workers.finish().await;
    let works = memory.data().into_iter().filter_map(|record| match record {
        DataRecord::Work(work) => Some(work),
        _ => None,
    });
    (works.collect(), stopped.is_ok())
}

#[tokio::test]
async fn every_operation_is_on_record_with_what_it_saw_and_last_reads_are_made_once() {
    let answers: Answers = |_, request| match request.starts_with("POST") {
        true => (201, r#"{"name":"it"}"#),
        false => (200, r#"{"name":"read"}"#),
    };
    // One user needs 300 ms at least for so many, and the other has arrived by then.
    let (works, is_well) = recorded("test-sign-ups", 2, answers, 60).await;
    assert!(is_well && works.iter().all(Work::is_acknowledged), "{works:?}");
    let (last, own): (Vec<&Work>, Vec<&Work>) = works.iter().partition(|work| work.is_last());
    assert!(own.len() > 2 && own.iter().all(|work| work.call.changes() && work.saw() == "it"), "{own:?}");
    assert!([0, 1].iter().all(|user| own.iter().any(|work| work.process == *user)));
    assert_eq!(last.len(), own.len() + 1, "each name that was acknowledged, and one of all: {last:?}");
    assert!(last.iter().all(|work| !work.call.changes() && work.saw() == "read"));
}

#[tokio::test]
async fn what_has_no_whole_answer_is_unknown_if_it_changes_something() {
    let answers: Answers = |nth, request| match (request.starts_with("POST"), nth) {
        (true, 0) => (0, ""),
        (true, 1) => (1, ""),
        (true, 2) => (409, "taken\n by another"),
        (true, 3) => (503, ""),
        (true, _) => (201, "{}"),
        // A read whose answer means nothing failed, and is made again.
        (false, nth) if nth % 2 == 0 => (503, ""),
        (false, _) => (200, "{}"),
    };
    let (works, _) = recorded("test-sign-ups", 1, answers, 7).await;
    let met = |work: &Work| (work.outcome, work.detail.clone().unwrap_or_default());
    let first: Vec<(Ended, String)> = works.iter().take(4).map(met).collect();
    assert_eq!(
        first.iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>(),
        [Ended::Info, Ended::Info, Ended::Fail, Ended::Info]
    );
    assert_eq!(first[2].1, "status 409: taken by another");
    assert!(first[0].1.contains("deadline"), "{first:?}");
    // One whose end is not known is its process's last.
    assert_eq!(works.iter().take(5).map(|work| work.process).collect::<Vec<_>>(), [0, 1, 2, 2, 3]);
    let last: Vec<&Work> = works.iter().filter(|work| work.is_last()).collect();
    assert!(last.iter().any(|work| work.outcome == Ended::Fail), "{last:?}");
    assert!(last.iter().all(|work| work.outcome != Ended::Info) && last.last().unwrap().is_acknowledged(), "{last:?}");
}

#[tokio::test]
async fn a_user_that_panics_is_a_failure_of_the_harness() {
    let (works, is_well) = recorded("test-panics", 1, |_, _| (200, "{}"), 0).await;
    assert!(!is_well && works.is_empty(), "{works:?}");
}
