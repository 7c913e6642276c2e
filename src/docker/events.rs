//! What the daemon reports of containers while they are watched: how they end, what starts them again, their health.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::mpsc::UnboundedSender;

use super::client::encoded;
use super::container::inspect;
use super::{Docker, DockerError};
use crate::clock::monotonic_us;
use crate::instance::{Between, ContainerChange, ContainerNews, ContainerReport};

/// How long after the stream broke it is asked for again.
const AGAIN: Duration = Duration::from_millis(200);
/// So much of what a health check printed is recorded, in characters.
const OUTPUT: usize = 200;
/// What is asked for.
const ACTIONS: [&str; 5] = ["oom", "die", "died", "start", "health_status"];

/// A line of the stream.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
    /// Nanoseconds since 1970, by the daemon's clock.
    #[serde(rename = "timeNano")]
    time_nano: i64,
}

/// The container that it is about.
#[derive(Debug, Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    /// Its labels, and what the event itself says.
    #[serde(rename = "Attributes", default)]
    attributes: BTreeMap<String, String>,
}

/// Reports what happens to the containers with this label, until the other end is dropped. `server` finds what a container stands for, by its
/// labels; what stands for nothing is left out. What happened while the stream was broken is reported when it is back.
pub async fn follow(
    docker: Docker,
    label: String,
    server: impl Fn(&BTreeMap<String, String>) -> Option<String>,
    out: UnboundedSender<ContainerReport>,
) {
    let mut stream =
        Stream { docker, label, server, out: out.clone(), since_nano: now_nano(), heard_us: monotonic_us() };
    loop {
        let broken = tokio::select! {
            () = out.closed() => return,
            broken = stream.listen() => broken,
        };
        let why =
            broken.map_or_else(|why| why.to_string(), |()| "the Docker Engine has ended its stream of events".into());
        if out.send(ContainerReport::Lost(why)).is_err() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

struct Stream<F> {
    docker: Docker,
    label: String,
    server: F,
    out: UnboundedSender<ContainerReport>,
    /// What came before is known, by the daemon's clock.
    since_nano: i64,
    /// Up to when all is known, by this machine's `CLOCK_MONOTONIC`.
    heard_us: u64,
}

impl<F: Fn(&BTreeMap<String, String>) -> Option<String>> Stream<F> {
    /// Until the stream ends.
    async fn listen(&mut self) -> Result<(), DockerError> {
        let filters = serde_json::json!({ "type": ["container"], "label": [self.label], "event": ACTIONS }).to_string();
        let since = format!("{}.{:09}", self.since_nano / 1_000_000_000, self.since_nano % 1_000_000_000);
        let path = format!("/events?since={since}&filters={}", encoded(&filters));
        let mut body = self.docker.stream(&path).await?;
        let _ = self.out.send(ContainerReport::Found);
        let mut waiting = Vec::new();
        while let Some(frame) = body.frame().await {
            let broken =
                |why: hyper::Error| DockerError::Broken { what: "GET /events".into(), detail: why.to_string() };
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            let by_us = monotonic_us();
            waiting.extend_from_slice(&data);
            for told in lines(&mut waiting)? {
                self.hear(told, by_us).await;
            }
            self.heard_us = by_us;
        }
        Ok(())
    }

    /// Takes in a line that came at this moment.
    async fn hear(&mut self, told: Told, by_us: u64) {
        // The two clocks need not agree, so an event is no older than what was heard last.
        let age_us = u64::try_from((now_nano() - told.time_nano) / 1000).unwrap_or(0);
        let when = Between { since_us: by_us.saturating_sub(age_us).max(self.heard_us), by_us };
        self.since_nano = self.since_nano.max(told.time_nano + 1);
        let Some(server) = (self.server)(&told.actor.attributes) else { return };
        if let Some(change) = self.change(&told).await {
            let container = told.actor.id.chars().take(12).collect();
            let _ = self.out.send(ContainerReport::Changed(ContainerNews { server, container, change, when }));
        }
    }

    /// What it says, with what only the container itself knows.
    async fn change(&self, told: &Told) -> Option<ContainerChange> {
        let found = async || inspect(&self.docker, &told.actor.id).await.ok();
        match told.action.as_str() {
            // A command sets the count to 0, and only a policy's start adds to it.
            "start" => Some(match found().await.map_or(0, |container| container.restart_count) {
                0 => ContainerChange::Started,
                count => ContainerChange::Restarted { count },
            }),
            "health_status: unhealthy" => {
                let output = found().await.map(|container| container.health_output().chars().take(OUTPUT).collect());
                Some(ContainerChange::Health { healthy: false, output: output.unwrap_or_default() })
            }
            action => plain(action, &told.actor.attributes),
        }
    }
}

/// What an event says by itself.
fn plain(action: &str, attributes: &BTreeMap<String, String>) -> Option<ContainerChange> {
    match action {
        "oom" => Some(ContainerChange::OutOfMemory),
        // Podman's word is the other.
        "die" | "died" => {
            let exit_code = attributes.get("exitCode").or(attributes.get("containerExitCode"))?.parse().ok()?;
            Some(ContainerChange::Exited { exit_code })
        }
        "health_status: healthy" => Some(ContainerChange::Health { healthy: true, output: String::new() }),
        _ => None,
    }
}

/// The whole lines of what has come.
fn lines(waiting: &mut Vec<u8>) -> Result<Vec<Told>, DockerError> {
    let Some(end) = waiting.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
    let whole: Vec<u8> = waiting.drain(..=end).collect();
    let told = serde_json::Deserializer::from_slice(&whole).into_iter::<Told>().collect::<Result<_, _>>();
    told.map_err(|why| DockerError::Broken { what: "GET /events".into(), detail: why.to_string() })
}

fn now_nano() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Docker 20.10 wrote it.
    const DIED: &str = r#"{"status":"die","id":"3f9a1c2b7d5e0000","from":"nginx:1.22","Type":"container","Action":"die","Actor":{"ID":"3f9a1c2b7d5e0000","Attributes":{"com.docker.compose.service":"web","exitCode":"137","image":"nginx:1.22","name":"web_web_1"}},"scope":"local","time":1795971600,"timeNano":1795971600123456789}"#;

    fn told(line: &str) -> Vec<Option<ContainerChange>> {
        let told = lines(&mut format!("{line}\n").into_bytes()).unwrap();
        told.into_iter().map(|told| plain(&told.action, &told.actor.attributes)).collect()
    }

    #[test]
    fn what_docker_reports_of_a_container_is_read() {
        assert_eq!(told(DIED), [Some(ContainerChange::Exited { exit_code: 137 })]);
        assert_eq!(told(&DIED.replace("\"die\"", "\"oom\"")), [Some(ContainerChange::OutOfMemory)]);
        let healthy = ContainerChange::Health { healthy: true, output: String::new() };
        assert_eq!(told(&DIED.replace("\"die\"", "\"health_status: healthy\"")), [Some(healthy)]);
        assert_eq!(told(&DIED.replace("\"die\"", "\"exec_die\"")), [None], "a command in it is no end of it");
        assert_eq!(told(&DIED.replace("exitCode", "other")), [None], "a code is never invented");
    }

    #[test]
    fn lines_are_read_though_they_come_in_parts() {
        let whole = format!("{DIED}\n{DIED}\n");
        let (mut waiting, mut count) = (Vec::new(), 0);
        for byte in whole.bytes() {
            waiting.push(byte);
            count += lines(&mut waiting).unwrap().len();
        }
        assert_eq!((count, waiting.len()), (2, 0));
        assert!(lines(&mut b"404 page not found\n".to_vec()).is_err());
    }
}
