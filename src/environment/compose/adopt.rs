//! The services of a Compose project as an infrastructure: servers, links, roles and where users enter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::names::{self, server_name, word_of};
use crate::docker::Project;
use crate::docker::project::{Published, Service};
use crate::document::error::one_of;
use crate::document::{DocumentError, Mistakes};
use crate::environment::{Adopted, EntryAt};
use crate::infrastructure::{Entry, EntryUrl, Infrastructure, Server};
use crate::inventory::file::host_role;
use crate::role::shipped;
use crate::settings::ComposeSettings;

/// The project's servers, with those that may not be attacked.
///
/// # Errors
/// Names that can't be, services that the settings name and that it does not have, an entry that can't be guessed: all of them.
pub(super) fn adopt(project: &Project, file: &Path, settings: &ComposeSettings) -> Result<Adopted, Mistakes> {
    let mut mistakes = unknown(project, settings);
    mistakes.extend(names::check(project.services.keys(), settings).err());
    let servers = servers(project, settings);
    if servers.is_empty() {
        let detail = format!("the project `{}` has no container", project.name);
        mistakes.push(DocumentError::new(detail).with_hint("see `docker-compose ps`; a service may be scaled to zero"));
    }
    let entry = entry(project, settings).map_err(|why| mistakes.push(why)).ok();
    Mistakes::none(mistakes)?;
    let (entry, entry_at) = entry.expect("what is missing is a mistake");
    let allowed = allowed(project, settings);
    let closed = servers.into_keys().filter(|name| !allowed.contains(name)).collect();
    let infrastructure = Infrastructure { entry, ..servers_alone(project, file, settings) };
    Ok(Adopted { infrastructure, closed, entry_at })
}

/// The same without an entry, for what has no users: attacks and their heals.
pub(super) fn servers_alone(project: &Project, file: &Path, settings: &ComposeSettings) -> Infrastructure {
    Infrastructure {
        servers: servers(project, settings),
        links: links(project, settings),
        virtual_ips: Vec::new(),
        entry: Entry::at("", 0),
        roles: roles(project, settings),
        databases: Default::default(),
        aliases: BTreeMap::new(),
        source: Some(file.into()),
    }
}

/// The servers that may be attacked, by name.
pub(super) fn allowed(project: &Project, settings: &ComposeSettings) -> BTreeSet<String> {
    let servers = servers(project, settings);
    servers.values().filter(|server| is_allowed(server, project, settings)).map(|server| server.name.clone()).collect()
}

fn is_allowed(server: &Server, project: &Project, settings: &ComposeSettings) -> bool {
    let is_of = |service: &String| {
        let found = project.services.get(service);
        found.is_some_and(|found| names_of(service, found).any(|name| name == server.name))
    };
    settings.attack.iter().flatten().any(is_of)
}

fn names_of<'s>(service: &'s str, found: &'s Service) -> impl Iterator<Item = String> + 's {
    found.numbers.iter().map(move |number| server_name(service, *number))
}

/// What the settings name and the project does not have.
fn unknown(project: &Project, settings: &ComposeSettings) -> Vec<DocumentError> {
    let is_unknown = |(_, service): &(&str, &String)| !project.services.contains_key(*service);
    let named: BTreeSet<(&str, &String)> = settings.named().filter(is_unknown).collect();
    let told = |(setting, service): (&str, &String)| {
        let detail = format!(
            "`compose.{setting}` names `{service}`, and no container of `{}` is of such a service",
            project.name
        );
        let hint = one_of(service, "services", project.services.keys().map(String::as_str));
        DocumentError::new(detail).with_hint(hint)
    };
    named.into_iter().map(told).collect()
}

fn servers(project: &Project, settings: &ComposeSettings) -> BTreeMap<String, Server> {
    let of = |(service, found): (&String, &Service)| -> Vec<(String, Server)> {
        let server = |name: String| Server {
            name,
            role: word_of(service, settings),
            tags: Vec::new(),
            zone: None,
            boot_delay: Duration::ZERO,
            install_delay: Duration::ZERO,
            configure_delay: Duration::ZERO,
            spare: false,
        };
        names_of(service, found).map(|name| (name.clone(), server(name))).collect()
    };
    project.services.iter().flat_map(of).collect()
}

/// A role for each word that steps use, with the statistics that are declared.
fn roles(project: &Project, settings: &ComposeSettings) -> BTreeMap<String, crate::role::Role> {
    let role = |service: &String| {
        let word = word_of(service, settings);
        let mut role = host_role(&word);
        role.stats_socket = settings.stats_sockets.get(service).map(Into::into);
        role.stub_status = settings.stub_status.get(service).cloned();
        if role.stats_socket.is_some() {
            role.standby_backends = shipped::role(&word).map(|role| role.standby_backends).unwrap_or_default();
        }
        (word, role)
    };
    project.services.keys().map(role).collect()
}

/// Every container of a service with every one of those that it talks to.
fn links(project: &Project, settings: &ComposeSettings) -> Vec<(String, String)> {
    let mut links = BTreeSet::new();
    for (service, found) in &project.services {
        let further = settings.links.get(service).into_iter().flatten();
        for to in found.depends_on.iter().chain(further) {
            let Some(other) = project.services.get(to) else { continue };
            let pairs = names_of(service, found).flat_map(|from| names_of(to, other).map(move |to| (from.clone(), to)));
            links.extend(pairs);
        }
    }
    links.into_iter().collect()
}

/// Where users enter, and whether it is known at which server.
fn entry(project: &Project, settings: &ComposeSettings) -> Result<(Entry, EntryAt), DocumentError> {
    let published: Vec<(&String, &Published)> = project
        .services
        .iter()
        .flat_map(|(name, service)| service.published.iter().map(move |port| (name, port)))
        .collect();
    let url = match &settings.entry {
        Some(url) => read(url)?,
        None => read(&guessed(project, &published)?)?,
    };
    let publishes = |(_, port): &&(&String, &Published)| port.host_port == Some(url.port());
    let service = settings.entry_at.as_ref().or_else(|| published.iter().find(publishes).map(|(name, _)| *name));
    let host = service.and_then(|service| names_of(service, project.services.get(service)?).next());
    let entry_at = match &host {
        Some(_) => EntryAt::Known,
        None => EntryAt::NotSaid(
            DocumentError::new(format!("no service is known to publish the port of `{}`", url.authority()))
                .with_hint("say which one users enter at, under `[compose]` of chimp.toml: `entry_at = \"SERVICE\"`"),
        ),
    };
    Ok((Entry { host: host.unwrap_or_default(), port: url.port(), url: Some(url) }, entry_at))
}

fn read(url: &str) -> Result<EntryUrl, DocumentError> {
    let hint = "write scheme, host and port: `entry = \"http://127.0.0.1:8080\"`";
    url.parse().map_err(|why| DocumentError::new(format!("`compose.entry`: {why}")).with_hint(hint))
}

/// The only port that can be it.
fn guessed(project: &Project, published: &[(&String, &Published)]) -> Result<String, DocumentError> {
    let fixed: BTreeSet<String> =
        published.iter().filter_map(|(_, port)| Some(url_of(port, port.host_port?))).collect();
    let said = |example: &str| format!("say which one it is, under `[compose]` of chimp.toml: `entry = \"{example}\"`");
    match (fixed.len(), published.first()) {
        (1, _) => Ok(fixed.into_iter().collect()),
        (0, None) => {
            let detail =
                format!("the project `{}` publishes no TCP port, so it is not known where users enter", project.name);
            Err(DocumentError::new(detail).with_hint(said("http://127.0.0.1:8080")))
        }
        (0, Some((service, port))) => {
            let detail = format!(
                "Docker chooses the port of the machine that leads to port {} of `{service}`, another one at each start, so users would lose it",
                port.port
            );
            let example = 8000_u16.saturating_add(port.port % 1000);
            Err(DocumentError::new(detail)
                .with_hint(format!("publish a fixed one: `ports: [\"{example}:{}\"]`", port.port)))
        }
        _ => {
            let all: Vec<String> = fixed.iter().cloned().collect();
            let detail = format!(
                "the project `{}` publishes several ports, and users may enter at any: {}",
                project.name,
                all.join(", ")
            );
            Err(DocumentError::new(detail).with_hint(said(&all[0])))
        }
    }
}

fn url_of(port: &Published, host_port: u16) -> String {
    let host = match port.host_ip.as_str() {
        "" | "0.0.0.0" | "::" => "127.0.0.1",
        other => other,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host.into() };
    format!("http://{host}:{host_port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(count: u32, depends_on: &[&str], ports: &[(u16, Option<u16>)]) -> Service {
        let published = |(port, host_port): &(u16, Option<u16>)| Published {
            port: *port,
            host_ip: String::new(),
            host_port: *host_port,
        };
        Service {
            numbers: (1..=count).collect(),
            depends_on: depends_on.iter().map(|name| name.to_string()).collect(),
            published: ports.iter().map(published).collect(),
            ..Service::default()
        }
    }

    fn shop(proxy_ports: &[(u16, Option<u16>)]) -> Project {
        let services = [
            ("app", service(3, &["db"], &[])),
            ("db", service(1, &[], &[])),
            ("proxy", service(1, &["app"], proxy_ports)),
        ];
        let services = services.map(|(name, service)| (name.to_string(), service)).into();
        Project { name: "shop".into(), services, containers: Vec::new() }
    }

    fn adopted(project: &Project, toml: &str) -> Result<Adopted, String> {
        let settings: ComposeSettings = toml::from_str(toml).unwrap();
        adopt(project, Path::new("compose.yml"), &settings).map_err(|why| why.to_string())
    }

    #[test]
    fn a_project_is_a_site_with_a_server_for_each_container() {
        let found = adopted(&shop(&[(80, Some(8080))]), "attack = ['app']").unwrap();
        let site = &found.infrastructure;
        assert_eq!(site.servers.keys().collect::<Vec<_>>(), ["app-1", "app-2", "app-3", "db-1", "proxy-1"]);
        assert_eq!(site.servers_called("app").len(), 3);
        assert!(
            site.links.contains(&("proxy-1".into(), "app-3".into()))
                && site.links.contains(&("app-2".into(), "db-1".into()))
        );
        assert_eq!((site.entry.host.as_str(), site.entry.port), ("proxy-1", 8080));
        assert_eq!(site.entry.url.as_ref().unwrap().to_string(), "http://127.0.0.1:8080");
        assert_eq!(
            found.closed,
            BTreeSet::from(["db-1".to_string(), "proxy-1".to_string()]),
            "nothing that was not opted in"
        );
    }

    #[test]
    fn an_entry_that_can_t_be_guessed_is_an_error_with_the_candidates() {
        let why = adopted(&shop(&[(80, Some(8080)), (9000, Some(9000))]), "").unwrap_err();
        assert!(why.contains("http://127.0.0.1:8080, http://127.0.0.1:9000") && why.contains("`entry = "), "{why}");
        let why = adopted(&shop(&[]), "").unwrap_err();
        assert!(why.contains("publishes no TCP port"), "{why}");
        let why = adopted(&shop(&[(80, None)]), "").unwrap_err();
        assert!(why.contains("another one at each start") && why.contains("`ports: [\"8080:80\"]`"), "{why}");
        let two = shop(&[(80, Some(8080)), (9000, Some(9000))]);
        assert!(
            adopted(&two, "entry = 'http://127.0.0.1:9000'")
                .is_ok_and(|found| found.infrastructure.entry.host == "proxy-1")
        );
        let outside = adopted(&two, "entry = 'http://127.0.0.1:7000'").unwrap();
        assert!(matches!(outside.entry_at, EntryAt::NotSaid(_)));
    }

    #[test]
    fn a_service_that_the_project_does_not_have_is_refused_wherever_it_is_named() {
        let why = adopted(&shop(&[(80, Some(8080))]), "attack = ['ap']\nlinks = { app = ['cache'] }").unwrap_err();
        assert!(why.contains("`compose.attack` names `ap`") && why.contains("did you mean `app`?"), "{why}");
        assert!(why.contains("`compose.links` names `cache`"), "{why}");
    }

    #[test]
    fn words_make_containers_what_shipped_scenarios_call_them() {
        let toml = "words = { app = 'webserver', proxy = 'haproxy' }\nstats_sockets = { proxy = '/run/haproxy.sock' }";
        let site = adopted(&shop(&[(80, Some(8080))]), toml).unwrap().infrastructure;
        assert_eq!(site.servers_called("webserver").len(), 3);
        assert_eq!(site.servers_called("load balancer").len(), 1);
        assert!(site.roles["haproxy"].stats_socket.is_some() && site.roles["webserver"].stats_socket.is_none());
    }
}
