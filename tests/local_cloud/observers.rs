//! What is seen from here, through `/proc`, and what watchers on the servers report are the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anarcho_chimp::agent::watch::LISTENED;
use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::recorder::Memory;
use anarcho_chimp::history::{Event, Record, Recorder};
use anarcho_chimp::infrastructure::{Infrastructure, file};
use anarcho_chimp::instance::{Instance, InstanceSpec, PowerOp};
use anarcho_chimp::observer::{Observers, Through};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::{LocalCloud, Zygote};
use anarcho_chimp::render::{Addresses, Secrets, render};
use anarcho_chimp::settings::Settings;

use crate::runner::Case;
use crate::sandboxed::{Outcome, claim, inside, shell, text};
use crate::streams::ends;

pub const CASES: &[Case] = &[
    Case { name: "watchers_on_servers_report_what_is_seen_from_here", run: report_the_same },
    Case { name: "a_frozen_server_is_not_seen_and_nothing_is_invented_of_it", run: frozen },
    Case { name: "a_watcher_that_is_cut_off_ends_by_itself", run: cut_off },
    Case { name: "watchers_cost_little_and_report_soon", run: cost_little },
    Case { name: "a_watcher_whose_session_was_killed_is_started_again_and_none_is_left", run: starts_again },
];

/// How long a state may take to come on a busy machine.
const PATIENCE: Duration = Duration::from_secs(25);

/// Two balancers that share an address, two webservers, two databases that say what their files say, an nginx's counts, too.
const SITE: &str = "
servers:
  - { name: lb, role: webhaproxy, count: 2 }
  - { name: web, role: webserver, count: 2 }
  - { name: db, role: sidecar, count: 2 }
links: [{ from: lb, to: web }]
virtual_ips: [{ name: www, holders: [lb] }]
entry: { host: www, port: 80 }
databases: { masters: [{ server: db-1, id: 1 }, { server: db-2, id: 2 }] }
roles: { sidecar: ./sidecar.yaml }
";

const SIDECAR: &str = r#"
port: 9200
programs: [python3]
packages: [python3]
database: { status_port: 9200 }
stub_status: http://127.0.0.1:9200/nginx_status
write_files:
  - path: /srv/nginx_status
    content: "Active connections: 3 \nserver accepts handled requests\n 40 39 812 \nReading: 0 Writing: 1 Waiting: 2 \n"
  - path: /srv/status
    content: '{"writable":true,"gtid_binlog_pos":"1-1-1","server_id":1,"connections":[{"io":"Yes","sql":"Yes","lag_s":0}]}'
services:
  - { name: sidecar, command: [python3, -m, http.server, --bind, 0.0.0.0, "9200"], working_directory: /srv }
"#;

/// A site, seen twice.
struct Trial {
    cloud: Arc<LocalCloud>,
    instances: BTreeMap<String, Instance>,
    site: Infrastructure,
    addresses: Addresses,
    clock: Clock,
}

impl Trial {
    async fn boot(zygote: &Zygote, logs: &Path, servers: &[&str]) -> Result<Trial, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        std::fs::write(folder.path().join("site.yaml"), SITE).map_err(text)?;
        std::fs::write(folder.path().join("sidecar.yaml"), SIDECAR).map_err(text)?;
        let site = file::read(&folder.path().join("site.yaml")).map_err(text)?;
        let cloud = Arc::new(LocalCloud::create(zygote, 0, logs.into()).await.map_err(text)?);
        let addresses = Addresses::assign(&site, |n| cloud.address(n + 2), cloud.prefix());
        let spec = |server: &&str| {
            let user_data = render(&site, &addresses, &Settings::default(), &Secrets::imagined(), server)?;
            let (name, address) = (server.to_string(), addresses.servers[*server]);
            let (zone, tags, boot_delay) = (None, Vec::new(), Duration::ZERO);
            Ok(InstanceSpec { name, zone, tags, address, user_data, boot_delay })
        };
        let specs: Result<Vec<InstanceSpec>, anarcho_chimp::DocumentError> = servers.iter().map(spec).collect();
        let specs = specs.map_err(text)?;
        let booted = futures::future::try_join_all(specs.iter().map(|spec| cloud.boot(spec))).await.map_err(text)?;
        let instances = booted.into_iter().map(|instance| (instance.name.clone(), instance)).collect();
        Ok(Trial { cloud, instances, site, addresses, clock: Clock::start() })
    }

    fn observe(&self, through: Through) -> (Observers, Seen) {
        let (recorder, memory) = Recorder::memory(self.clock);
        let provider: Arc<dyn Provider> = self.cloud.clone();
        (Observers::start_through(through, provider, &self.site, &self.addresses, &recorder), Seen(memory))
    }

    async fn power(&self, server: &str, op: PowerOp) -> Outcome {
        self.cloud.power(&self.instances[server].id, op).await.map_err(text)
    }
}

/// What was recorded.
struct Seen(Memory);

/// Every state of every object, in order: `www: lb-1`, `lb-1 webserver/web-1: UP L7OK true`.
type States = BTreeMap<String, Vec<(String, Record)>>;

impl Seen {
    fn states(&self) -> States {
        let mut states = States::new();
        for record in self.0.events() {
            let (object, state) = match &record.event {
                Event::VirtualIpHolders { name, holders } => (name.clone(), holders.join("+")),
                Event::BalancerView { balancer, backend, server, status, check, up, .. } => {
                    (format!("{balancer} {backend}/{server}"), format!("{status} {check} {up}"))
                }
                Event::DatabaseView { server, writable, replicating, .. } => {
                    (server.clone(), format!("{writable} {replicating}"))
                }
                _ => continue,
            };
            states.entry(object).or_default().push((state, record));
        }
        states
    }

    fn now(&self, object: &str) -> String {
        self.states().get(object).and_then(|all| all.last()).map(|(state, _)| state.clone()).unwrap_or_default()
    }

    /// Whether what a server's nginx counts was seen.
    fn counts(&self, of: &str) -> bool {
        let is_it =
            |event| matches!(event, Event::NginxStatus { server, active: 3, requests: 812, .. } if server == of);
        self.0.events().into_iter().any(|record| is_it(record.event))
    }

    /// What it was blind to, and whether it is now, by the observer's object.
    fn blind(&self) -> BTreeMap<String, bool> {
        let mut blind = BTreeMap::new();
        for record in self.0.events() {
            match record.event {
                Event::ObserverBlind { observer, of, .. } if observer != "pressure" => drop(blind.insert(of, true)),
                Event::ObserverSees { of, .. } => drop(blind.insert(of, false)),
                _ => {}
            }
        }
        blind
    }

    fn told(&self) -> String {
        let lines =
            self.0.events().into_iter().filter(|record| !matches!(record.event, Event::BalancerSessions { .. }));
        lines.map(|record| format!("    {:?}\n", record)).collect()
    }
}

async fn until(what: &str, seen: &[&Seen], is_so: impl Fn(&Seen) -> bool) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    while !seen.iter().all(|seen| is_so(seen)) {
        if Instant::now() > deadline {
            let told: Vec<String> = seen.iter().map(|seen| seen.told()).collect();
            return Err(format!("{what} did not come:\n{}", told.join("  beside\n")));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Waits until everything is seen to be well.
async fn well(seen: &[&Seen]) -> Outcome {
    until("a healthy site", seen, |seen| {
        let up = |object: &str| seen.now(object).starts_with("UP L4OK") || seen.now(object).starts_with("UP L7OK");
        seen.now("www") == "lb-1"
            && ["lb-1", "lb-2"]
                .iter()
                .all(|lb| ["web-1", "web-2"].iter().all(|web| up(&format!("{lb} webserver/{web}"))))
            && ["db-1", "db-2"].iter().all(|db| seen.now(db) == "true true" && seen.counts(db))
            && seen.blind().values().all(|blind| !blind)
    })
    .await
}

const ALL: [&str; 6] = ["lb-1", "lb-2", "web-1", "web-2", "db-1", "db-2"];

/// The same states in the same order, each at the same moment as far as both know it.
fn equal(here: &States, there: &States) -> Outcome {
    claim(here.keys().eq(there.keys()), (here.keys(), there.keys()))?;
    let mut apart_us = Vec::new();
    for (object, here) in here {
        let there = &there[object];
        let words = |all: &[(String, Record)]| all.iter().map(|(state, _)| state.clone()).collect::<Vec<_>>();
        claim(words(here) == words(there), (object, words(here), words(there)))?;
        for ((state, ours), (_, theirs)) in here.iter().zip(there) {
            let meet = |one: &Record, other: &Record| one.at_us - one.resolution_us <= other.at_us;
            claim(meet(ours, theirs) && meet(theirs, ours), (object, state, ours, theirs))?;
            apart_us.push(theirs.at_us as i64 - ours.at_us as i64);
            println!(
                "  {object}: {state:?} {} µs apart, known to {} and {} µs",
                theirs.at_us as i64 - ours.at_us as i64,
                ours.resolution_us,
                theirs.resolution_us
            );
        }
    }
    claim(!apart_us.is_empty(), "something changed")
}

fn report_the_same() -> Outcome {
    inside(async |zygote, logs| {
        let trial = Trial::boot(&zygote, &logs, &ALL).await?;
        let (direct, here) = trial.observe(Through::Cheapest);
        let (streamed, there) = trial.observe(Through::Streams);
        well(&[&here, &there]).await?;
        // What was there before they looked is known from whenever each looked first.
        let begun = [&here, &there].map(|seen| seen.0.take_events());
        claim(begun.iter().all(|events| !events.is_empty()), "both saw it")?;
        trial.power("web-1", PowerOp::Terminate).await?;
        let down = |lb: &'static str| move |seen: &Seen| seen.now(&format!("{lb} webserver/web-1")).starts_with("DOWN");
        until("a dead webserver at lb-1", &[&here, &there], down("lb-1")).await?;
        until("a dead webserver at lb-2", &[&here, &there], down("lb-2")).await?;
        let flips = "sed -i s/true/false/ /srv/status";
        shell(&trial.cloud, &trial.instances["db-1"], flips).await?;
        until("a database that is read-only", &[&here, &there], |seen| seen.now("db-1") == "false true").await?;
        trial.power("lb-1", PowerOp::Terminate).await?;
        until("a failover", &[&here, &there], |seen| seen.now("www") == "lb-2").await?;
        let (here, there) = (here.states(), there.states());
        let moves: Vec<&str> = here["www"].iter().map(|(state, _)| state.as_str()).collect();
        claim(moves == ["", "lb-2"], moves)?;
        equal(&here, &there)?;
        direct.stop().await;
        streamed.stop().await;
        for server in ["lb-2", "db-1", "db-2"] {
            ends(&trial.cloud, &trial.instances[server], "__agent [w]atch").await?;
        }
        Ok(())
    })
}

fn frozen() -> Outcome {
    inside(async |zygote, logs| {
        let trial = Trial::boot(&zygote, &logs, &ALL).await?;
        let (streamed, there) = trial.observe(Through::Streams);
        well(&[&there]).await?;
        there.0.take_events();
        trial.power("lb-1", PowerOp::Freeze).await?;
        let is_blind = |of: &'static str| move |seen: &Seen| seen.blind().get(of) == Some(&true);
        until("blindness to lb-1", &[&there], is_blind("lb-1")).await?;
        until("blindness to www", &[&there], is_blind("www")).await?;
        claim(streamed.observations.holder.borrow().is_none(), "no holder is known")?;
        let heard = streamed.observations.last_heard.ago("lb-1");
        claim(heard.is_some_and(|ago| ago > Duration::from_millis(200)), heard)?;
        // Longer than a stream is given up after: it is not made again while the server is frozen either.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let invented = there.states();
        claim(!invented.contains_key("www"), &invented)?;
        claim(invented.keys().all(|object| !object.starts_with("lb-1 ")), &invented)?;
        trial.power("lb-1", PowerOp::Thaw).await?;
        until("sight of everything", &[&there], |seen| seen.blind().values().all(|blind| !blind)).await?;
        until("one holder", &[&there], |seen| ["lb-1", "lb-2"].contains(&seen.now("www").as_str())).await?;
        streamed.stop().await;
        ends(&trial.cloud, &trial.instances["lb-1"], "__agent [w]atch").await
    })
}

fn starts_again() -> Outcome {
    inside(async |zygote, logs| {
        let trial = Trial::boot(&zygote, &logs, &ALL).await?;
        let (streamed, there) = trial.observe(Through::Streams);
        well(&[&there]).await?;
        there.0.take_events();
        let lb = &trial.instances["lb-2"];
        let watcher = "pgrep -f '__agent [w]atch'";
        let first = shell(&trial.cloud, lb, watcher).await?;
        let parent = format!("kill -9 $(awk '{{ print $4 }}' /proc/$({watcher})/stat)");
        shell(&trial.cloud, lb, &parent).await?;
        until("blindness", &[&there], |seen| seen.blind().get("lb-2") == Some(&true)).await?;
        until("sight again", &[&there], |seen| seen.blind().values().all(|blind| !blind)).await?;
        let second = shell(&trial.cloud, lb, watcher).await?;
        claim(second.lines().count() == 1 && second != first, (first, second))?;
        // It was blind from its last look until the first of the next watcher, and says of that while nothing but its state.
        let changed: Vec<String> = there.states().into_keys().collect();
        claim(changed == ["www"], there.told())?;
        streamed.stop().await;
        ends(&trial.cloud, lb, "__agent [w]atch").await
    })
}

/// The CPU time of a process, of the harness's own by `self`, in seconds.
fn cpu_s(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// The watchers, and the servers' ends of all sessions.
fn processes_on_servers() -> (Vec<String>, Vec<String>) {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.parse::<u32>().is_ok());
    let told = |pid: &String| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let ours = pids.map(|pid| (String::from_utf8_lossy(&told(&pid)).replace('\0', " "), pid));
    let ours: Vec<(String, String)> = ours.collect();
    let of = |what: fn(&str) -> bool| ours.iter().filter(|(line, _)| what(line)).map(|(_, pid)| pid.clone()).collect();
    (of(|line| line.contains("__agent watch")), of(|line| line.starts_with("sshd: ")))
}

/// How late balancers' counts are on record, in milliseconds, over some seconds.
async fn lags_ms(trial: &Trial, seen: &Seen, span: Duration) -> Vec<u64> {
    let mut lags = Vec::new();
    let begun = Instant::now();
    seen.0.take_events();
    while begun.elapsed() < span {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let now_us = trial.clock.now_us();
        let counts =
            seen.0.take_events().into_iter().filter(|record| matches!(record.event, Event::BalancerSessions { .. }));
        lags.extend(counts.map(|record| now_us.saturating_sub(record.at_us) / 1000));
    }
    lags.sort_unstable();
    lags
}

fn cost_little() -> Outcome {
    inside(async |zygote, logs| {
        let trial = Trial::boot(&zygote, &logs, &ALL).await?;
        let span = Duration::from_secs(8);
        for through in [Through::Cheapest, Through::Streams] {
            let (observers, seen) = trial.observe(through);
            well(&[&seen]).await?;
            let (watchers, sessions) = processes_on_servers();
            let sum = |pids: &[String]| pids.iter().map(|pid| cpu_s(pid)).sum::<f64>();
            let used = || [cpu_s("self"), sum(&watchers), sum(&sessions)];
            let before = used();
            let lags = lags_ms(&trial, &seen, span).await;
            let used: Vec<f64> = used().iter().zip(before).map(|(now, before)| now - before).collect();
            let share = |used: f64| 100.0 * used / span.as_secs_f64();
            println!(
                "  {through:?}: harness {:.1} %, {} watchers {:.1} %, sessions {:.1} % of one CPU; on record after {} ms, {} at most",
                share(used[0]),
                watchers.len(),
                share(used[1]),
                share(used[2]),
                lags[lags.len() / 2],
                lags[lags.len() - 1]
            );
            claim(watchers.len() == if through == Through::Streams { 4 } else { 0 }, &watchers)?;
            claim(share(used[1]) < 25.0 * watchers.len().max(1) as f64, &used)?;
            claim(lags.len() >= 4, &lags)?;
            observers.stop().await;
        }
        Ok(())
    })
}

fn cut_off() -> Outcome {
    inside(async |zygote, logs| {
        let trial = Trial::boot(&zygote, &logs, &ALL).await?;
        let (streamed, there) = trial.observe(Through::Streams);
        well(&[&there]).await?;
        let watchers = processes_on_servers().0.len();
        claim(watchers == 4, ("balancers and databases have watchers", watchers))?;
        // Its own end of the path: what is said to it, and that it is given up, no longer arrives. Nor does the answer.
        let begun = Instant::now();
        let cut = shell(&trial.cloud, &trial.instances["db-2"], "ip link set eth0 down & ");
        tokio::time::timeout(Duration::from_secs(1), cut).await.err();
        while processes_on_servers().0.len() == watchers {
            claim(begun.elapsed() < LISTENED + Duration::from_secs(5), "it ends 5 s after it heard something last")?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ended = begun.elapsed();
        until("blindness", &[&there], |seen| seen.blind().get("db-2") == Some(&true)).await?;
        streamed.stop().await;
        for server in ["lb-1", "lb-2", "db-1"] {
            ends(&trial.cloud, &trial.instances[server], "__agent [w]atch").await?;
        }
        claim(processes_on_servers().0.is_empty(), "none is left")?;
        println!("  it ended after {:.1} s", ended.as_secs_f64());
        Ok(())
    })
}
