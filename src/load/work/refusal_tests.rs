//! Workload files that are wrong, one of each kind, against an application: each is refused for good within seconds, with its line, what was sent,
//! what came, what was expected, and what to do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::{WorkConfig, WorkError, Workers};
use crate::clock::Clock;
use crate::history::Recorder;
use crate::load::{PreparedRequest, Site};
use crate::settings::RequestSettings;

/// What an application was asked to keep, and how often it was asked for a path.
#[derive(Default)]
struct Kept {
    items: Vec<String>,
    asked: BTreeMap<String, u32>,
}

/// By method and path. What stands after `?` is kept.
fn answer(kept: &mut Kept, method: &str, target: &str) -> (u16, String) {
    let (path, value) = target.split_once('?').unwrap_or((target, ""));
    let times = kept.asked.entry(path.into()).or_default();
    *times += 1;
    let times = *times;
    let listed = |name: &str, items: &[String]| {
        let items: Vec<String> = items.iter().map(|item| format!(r#"{{"{name}":"{item}"}}"#)).collect();
        format!("[{}]", items.join(","))
    };
    match (method, path) {
        ("POST", "/orders") => {
            kept.items.push(value.into());
            (201, String::new())
        }
        // It hears of the application late.
        ("POST", "/late") if times < 3 => (404, "no such service".into()),
        ("POST", "/late") => answer(kept, "POST", &format!("/orders?{value}")),
        ("GET", "/orders") => (200, listed("item", &kept.items)),
        ("GET", "/full") => (200, listed("item", &["apples".into()])),
        ("GET", "/one") => (200, format!(r#"{{"count":"{}"}}"#, kept.items.last().map_or("0", String::as_str))),
        ("GET", "/page") => (200, "<html>\n<p>`Welcome`</p></html>".into()),
        ("GET", "/nothing") => (200, String::new()),
        ("GET", "/private") => (401, "who are you?".into()),
        ("GET", "/moved") => (302, String::new()),
        ("GET", "/absent") => (404, r#"{"detail":"Not Found"}"#.into()),
        (_, "/orders" | "/page") => (405, "Method Not Allowed".into()),
        _ => (404, r#"{"detail":"Not Found"}"#.into()),
    }
}

async fn converse(mut stream: TcpStream, kept: Arc<Mutex<Kept>>) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        while !read.ends_with(b"\r\n\r\n") {
            read.push(stream.read_u8().await?);
        }
        let request = String::from_utf8_lossy(&read).into_owned();
        read.clear();
        let mut words = request.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (code, body) = answer(&mut kept.lock().unwrap(), method, target);
        let whole = format!("HTTP/1.1 {code} So\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(whole.as_bytes()).await?;
    }
}

async fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let kept = Arc::default();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&kept)));
        }
    });
    address
}

/// What became of an application of its own that is prepared for this file, and what was said.
async fn prepared(text: &str) -> Result<(), (WorkError, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.workload.yaml");
    std::fs::write(&file, text).unwrap();
    let address = application().await;
    let site = Site { address: address.ip(), port: address.port(), host: "site".into() };
    let config = WorkConfig {
        workload: crate::workload::read(&file).unwrap(),
        request: PreparedRequest::new(&RequestSettings::default(), &site).unwrap(),
        servers: BTreeMap::new(),
        password: None,
        users: 1,
        pause_min: Duration::ZERO,
        pause_max: Duration::ZERO,
        deadline: Duration::from_secs(20),
        seed: 7,
    };
    let (recorder, _memory) = Recorder::memory(Clock::start());
    let prepared = Workers::new(config, recorder).unwrap().prepare().await;
    let in_words = |why: &WorkError| why.to_string().replace(&format!("{}/", folder.path().display()), "");
    prepared.map_err(|why| {
        let said = in_words(&why);
        (why, said)
    })
}

const ADD: &str = "  add: { method: POST, path: \"/orders?{{ value }}\", ok: [201] }\n";
const READ: &str = "  read: { path: /orders, values: \"$[*].item\" }\n";
const WRITE: &str = "  write: { method: POST, path: \"/orders?{{ value }}\" }\n";

fn set(add: &str, read: &str) -> String {
    format!("set:\n{add}{read}")
}

fn register(read: &str, more: &str) -> String {
    format!("register:\n{WRITE}  read: {{ path: {read} }}\n{more}")
}

#[tokio::test]
async fn each_kind_of_mistake_is_refused_for_good_with_a_message_of_its_own() {
    let files = [
        set(&ADD.replace("/orders?", "/order?"), READ),
        set(&ADD.replace("POST", "PUT"), READ),
        set(&ADD.replace("[201]", "[200, 202]"), READ),
        set(ADD, &READ.replace("/orders", "/page")),
        set(ADD, &READ.replace("/orders", "/nothing")),
        set(ADD, &READ.replace("/orders", "/private")),
        set(ADD, &READ.replace("/orders", "/moved")),
        set(ADD, &READ.replace("/orders", "/full")),
        set(ADD, &READ.replace(".item", ".itme")),
        register("/one, value: $.cuont", ""),
        register("/absent, value: $.count", ""),
        register("/one, value: $.count", "  compare_and_set: { path: \"/set?{{ from }}{{ to }}\", fail: [409] }\n"),
        "counter:\n  increment: { method: POST, path: /orders }\n  read: { path: /page }\n".into(),
        "queue:\n  enqueue: { command: [no-such-program, \"{{ value }}\"] }\n  dequeue: { command: [\"true\"] }\n".into(),
        "queue:\n  enqueue: { command: [sh, -c, \"no-such-program {{ value }}\"] }\n  dequeue: { command: [\"true\"] }\n"
            .into(),
    ];
    let begun = Instant::now();
    let said = futures::future::join_all(files.iter().map(|text| prepared(text))).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "less than what passes by itself is waited for");
    let said = said.into_iter().zip(&files).map(|(prepared, file)| {
        let (why, said) = prepared.expect_err(file);
        assert!(why.is_final() && why.is_of_the_application(), "{said}");
        said
    });
    insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n\n"));
}

#[tokio::test]
async fn an_application_that_boots_behind_a_balancer_is_waited_for() {
    prepared(&set(&ADD.replace("/orders?", "/late?"), READ)).await.map_err(|(_, said)| said).unwrap();
}
