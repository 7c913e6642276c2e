//! How every script begins: the website, and what was recorded before its strikes.

use std::collections::BTreeMap;
use std::time::Duration;

use anarcho_chimp::history::{Event, Record};
use anarcho_chimp::infrastructure::{Entry, Infrastructure, Server, VirtualIp};
use anarcho_chimp::role::{Readiness, Role};

use super::events::{booted, database_view, record, view};
use super::{PROBING_MS, STEADY_MS, Script, ZERO_MS};

impl Script {
    pub(super) fn infrastructure(&self) -> Infrastructure {
        let (web, balancers) = (names("web", self.webservers), names("lb", self.load_balancers));
        let mut servers: BTreeMap<String, Server> = BTreeMap::new();
        servers.extend(web.iter().map(|name| (name.clone(), server(name, "webserver"))));
        servers.extend(balancers.iter().map(|name| (name.clone(), server(name, "webhaproxy"))));
        servers.extend(names("db", self.databases).into_iter().map(|name| (name.clone(), server(&name, "database"))));
        for server in servers.values_mut() {
            server.spare = self.spares.contains(&server.name);
        }
        let placed = || web.iter().filter(|name| !self.spares.contains(name));
        let links = balancers.iter().flat_map(|lb| placed().map(move |web| (lb.clone(), web.clone()))).collect();
        let shared = (balancers.len() > 1).then(|| VirtualIp {
            name: "www".into(),
            holders: balancers.clone(),
            floating_ip: false,
        });
        let host = shared.as_ref().map_or_else(|| names("lb", 1)[0].clone(), |shared| shared.name.clone());
        let mut roles = vec![role("webserver", "webserver"), role("webhaproxy", "load balancer")];
        roles.extend((self.databases > 0).then(|| role("database", "database")));
        Infrastructure {
            servers,
            links,
            virtual_ips: shared.into_iter().collect(),
            entry: Entry::at(host, 80),
            databases: Default::default(),
            aliases: BTreeMap::new(),
            roles: roles.into_iter().map(|role| (role.name.clone(), role)).collect(),
            source: None,
        }
    }

    pub(super) fn beginning(&self) -> Vec<Record> {
        let (web, balancers) = (names("web", self.webservers), names("lb", self.load_balancers));
        let databases = names("db", self.databases);
        let (rate, deadline_ms) = (self.settings.load.rate, self.settings.load.deadline.as_secs_f64() * 1000.0);
        let mut events = vec![record(0, Event::ScenarioStarted { attempt: 1 })];
        events.extend(databases.iter().map(|name| record(300, database_view(name, name == "db-1"))));
        for name in web.iter().chain(&balancers).chain(&databases) {
            events.push(record(100, booted(name, 1)));
            events.push(record(300, Event::ServerReady { server: name.clone(), instance: format!("{name}.1") }));
        }
        for balancer in &balancers {
            let placed = web.iter().filter(|name| !self.spares.contains(name));
            events.extend(placed.map(|server| record(300, view(balancer, server, "UP"))));
        }
        if balancers.len() > 1 {
            let holders = vec![balancers[0].clone()];
            events.push(record(300, Event::VirtualIpHolders { name: "www".into(), holders }));
        }
        events.push(record(PROBING_MS, Event::ProbingStarted { rate, deadline_ms }));
        let steady = !self.events.iter().any(|record| matches!(record.event, Event::BaselineUnsteady { .. }));
        events.extend(steady.then(|| record(STEADY_MS, Event::BaselineSteady { from_us: ZERO_MS * 1000 })));
        events
    }
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|k| format!("{prefix}-{k}")).collect()
}

fn server(name: &str, role: &str) -> Server {
    let (tags, zone, boot_delay, install_delay, configure_delay, spare) = Default::default();
    let (name, role) = (name.into(), role.into());
    Server { name, role, tags, zone, boot_delay, install_delay, configure_delay, spare }
}

fn role(name: &str, word: &str) -> Role {
    Role {
        name: name.into(),
        noun: word.into(),
        files: Vec::new(),
        run: Vec::new(),
        services: Vec::new(),
        readiness: Readiness { http: None, tcp: true, port: None, within: Duration::from_secs(10) },
        reload: None,
        port: 80,
        programs: Vec::new(),
        packages: Vec::new(),
        monit: false,
        stats_socket: None,
        stub_status: None,
        standby_backends: Vec::new(),
        database: None,
        keeps_data: None,
        source: None,
    }
}
