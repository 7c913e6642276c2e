//! Services as an infrastructure: a server for each container, links, roles and where users enter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Terms;
use super::names::{self, server_name, word_of};
use crate::docker::Project;
use crate::docker::project::{Published, Service};
use crate::document::error::one_of;
use crate::document::{DocumentError, Mistakes};
use crate::environment::{Adopted, EntryAt};
use crate::infrastructure::{Entry, EntryUrl, Infrastructure, Server};
use crate::inventory::file::host_role;
use crate::inventory::stands_for;
use crate::role::{Role, shipped};
use crate::settings::ServiceSettings;

/// Services, and what is said of them.
pub(in crate::environment) struct Services<'s> {
    pub project: &'s Project,
    pub settings: ServiceSettings<'s>,
    pub terms: &'static Terms,
    /// The file that declares them, if it is known.
    pub file: Option<&'s Path>,
}

impl Services<'_> {
    /// Their servers, which stand for those that a scenario declares, if it declares any.
    ///
    /// # Errors
    /// As [`adopt`](Self::adopt); they are others.
    pub fn adopt_for(&self, declared: Option<&Infrastructure>) -> Result<Adopted, Mistakes> {
        let adopted = self.adopt()?;
        let hint = format!(
            "change the scenario, or say under `[{}]` of chimp.toml what steps call a service: `words = {{ app = \"webserver\" }}`; \
             `{}` takes all its containers as they are",
            self.terms.name, self.terms.given
        );
        stands_for::require(
            declared,
            &adopted.infrastructure,
            &format!("the containers of `{}`", self.project.name),
            &hint,
        )?;
        Ok(adopted)
    }

    /// Their servers, with those that may not be attacked.
    ///
    /// # Errors
    /// Names that can't be, services that the settings name and that are not there, an entry that can't be guessed: all of them.
    pub fn adopt(&self) -> Result<Adopted, Mistakes> {
        let mut mistakes = self.unknown();
        mistakes.extend(names::check(self.project.services.keys(), &self.settings).err());
        let servers = self.servers();
        if servers.is_empty() {
            let detail = format!("the {} `{}` has no container", self.terms.noun, self.project.name);
            mistakes.push(DocumentError::new(detail).with_hint(self.terms.empty));
        }
        let entry = self.entry().map_err(|why| mistakes.push(why)).ok();
        Mistakes::none(mistakes)?;
        let (entry, entry_at) = entry.expect("what is missing is a mistake");
        let allowed = self.allowed();
        let closed = servers.into_keys().filter(|name| !allowed.contains(name)).collect();
        let infrastructure = Infrastructure { entry, ..self.servers_alone() };
        Ok(Adopted { infrastructure, closed, entry_at })
    }

    /// The same without an entry, for what has no users: attacks and their heals.
    pub fn servers_alone(&self) -> Infrastructure {
        Infrastructure {
            servers: self.servers(),
            links: self.links(),
            virtual_ips: Vec::new(),
            entry: Entry::at("", 0),
            roles: self.roles(),
            databases: Default::default(),
            aliases: BTreeMap::new(),
            source: self.file.map(Path::to_path_buf),
        }
    }

    /// The servers that may be attacked, by name.
    pub fn allowed(&self) -> BTreeSet<String> {
        let opted_in = self.settings.attack.iter();
        let found = opted_in.filter_map(|service| Some((service, self.project.services.get(service)?)));
        found.flat_map(|(service, found)| names_of(service, found)).collect()
    }

    /// What the settings name and is not there.
    fn unknown(&self) -> Vec<DocumentError> {
        let services = &self.project.services;
        let is_unknown = |(_, service): &(&str, &String)| !services.contains_key(*service);
        let named: BTreeSet<(&str, &String)> = self.settings.named().filter(is_unknown).collect();
        let told = |(setting, service): (&str, &String)| {
            let (section, name) = (self.settings.section, &self.project.name);
            let detail =
                format!("`{section}.{setting}` names `{service}`, and no container of `{name}` is of such a service");
            let hint = one_of(service, "services", services.keys().map(String::as_str));
            DocumentError::new(detail).with_hint(hint).of_setting(&[section, setting, service])
        };
        named.into_iter().map(told).collect()
    }

    fn servers(&self) -> BTreeMap<String, Server> {
        let of = |(service, found): (&String, &Service)| -> Vec<(String, Server)> {
            let server = |number: &u32| Server {
                zone: found.nodes.get(number).cloned(),
                ..Server::new(&server_name(service, *number), &word_of(service, &self.settings))
            };
            found.numbers.iter().map(server).map(|server| (server.name.clone(), server)).collect()
        };
        self.project.services.iter().flat_map(of).collect()
    }

    /// A role for each word that steps use, with the statistics that are declared.
    fn roles(&self) -> BTreeMap<String, Role> {
        let role = |service: &String| {
            let word = word_of(service, &self.settings);
            let mut role = host_role(&word);
            role.stats_socket = self.settings.stats_sockets.get(service).map(Into::into);
            role.stub_status = self.settings.stub_status.get(service).cloned();
            if role.stats_socket.is_some() {
                role.standby_backends = shipped::role(&word).map(|role| role.standby_backends).unwrap_or_default();
            }
            (word, role)
        };
        self.project.services.keys().map(role).collect()
    }

    /// Every container of a service with every one of those that it talks to.
    fn links(&self) -> Vec<(String, String)> {
        let mut links = BTreeSet::new();
        for (service, found) in &self.project.services {
            let further = self.settings.links.get(service).into_iter().flatten();
            for to in found.depends_on.iter().chain(further) {
                let Some(other) = self.project.services.get(to) else { continue };
                let pairs =
                    names_of(service, found).flat_map(|from| names_of(to, other).map(move |to| (from.clone(), to)));
                links.extend(pairs);
            }
        }
        links.into_iter().collect()
    }

    /// Where users enter, and whether it is known at which server.
    fn entry(&self) -> Result<(Entry, EntryAt), DocumentError> {
        let services = &self.project.services;
        let published: Vec<(&String, &Published)> = services
            .iter()
            .flat_map(|(name, service)| service.published.iter().map(move |port| (name, port)))
            .collect();
        let url = match self.settings.entry {
            Some(url) => self.read(url)?,
            None => self.read(&self.guessed(&published)?)?,
        };
        let publishes = |(_, port): &&(&String, &Published)| port.host_port == Some(url.port());
        let service = self.settings.entry_at.or_else(|| published.iter().find(publishes).map(|(name, _)| *name));
        let host = service.and_then(|service| names_of(service, services.get(service)?).next());
        let entry_at = match &host {
            Some(_) => EntryAt::Known,
            None => EntryAt::NotSaid(
                DocumentError::new(format!("no service is known to publish the port of `{}`", url.authority()))
                    .with_hint(self.said("which one users enter at", "entry_at = \"SERVICE\"")),
            ),
        };
        Ok((Entry { host: host.unwrap_or_default(), port: url.port(), url: Some(url) }, entry_at))
    }

    fn said(&self, what: &str, line: &str) -> String {
        format!("say {what}, under `[{}]` of chimp.toml: `{line}`", self.settings.section)
    }

    fn read(&self, url: &str) -> Result<EntryUrl, DocumentError> {
        let hint = "write scheme, host and port: `entry = \"http://127.0.0.1:8080\"`";
        let section = self.settings.section;
        let wrong = |why| DocumentError::new(format!("`{section}.entry`: {why}")).with_hint(hint);
        url.parse().map_err(|why| wrong(why).of_setting(&[section, "entry"]))
    }

    /// The only port that can be it.
    fn guessed(&self, published: &[(&String, &Published)]) -> Result<String, DocumentError> {
        let fixed: BTreeSet<String> =
            published.iter().filter_map(|(_, port)| Some(url_of(port, port.host_port?))).collect();
        let said = |example: &str| self.said("which one it is", &format!("entry = \"{example}\""));
        let whole = format!("the {} `{}`", self.terms.noun, self.project.name);
        match (fixed.len(), published.first()) {
            (1, _) => Ok(fixed.into_iter().collect()),
            (0, None) => {
                let detail = format!("{whole} publishes no TCP port, so it is not known where users enter");
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
                let detail = format!("{whole} publishes several ports, and users may enter at any: {}", all.join(", "));
                Err(DocumentError::new(detail).with_hint(said(&all[0])))
            }
        }
    }
}

fn names_of<'s>(service: &'s str, found: &'s Service) -> impl Iterator<Item = String> + 's {
    found.numbers.iter().map(move |number| server_name(service, *number))
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
    use crate::environment::compose::TERMS;
    use crate::settings::ComposeSettings;

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
        let file = Some(Path::new("compose.yml"));
        let services = Services { project, settings: settings.services(), terms: &TERMS, file };
        services.adopt().map_err(|why| why.to_string())
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
