//! The containers of a Compose project, and what its services are, whether they run or are only declared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::container::{Container, Listed, PortBinding, inspect, list};
use super::{Docker, DockerError, labels, tool};

/// A Compose project.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its services, by name.
    pub services: BTreeMap<String, Service>,
    /// Its containers; none where it does not run.
    pub containers: Vec<Container>,
}

/// A service of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// The numbers of its containers.
    pub numbers: BTreeSet<u32>,
    /// The services that it talks to.
    pub depends_on: BTreeSet<String>,
    /// The TCP ports of the machine that lead to it.
    pub published: Vec<Published>,
    /// The nodes of a Swarm that its containers are on, by their numbers.
    pub nodes: BTreeMap<u32, String>,
    /// Whose network it has, in words, where that is not its own.
    pub borrowed_network: Option<String>,
    /// Whose processes it is among, in words, where they are not its own.
    pub borrowed_processes: Option<String>,
}

/// A TCP port of the machine that leads into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The port that it leads to.
    pub port: u16,
    /// The address of the machine; empty: all of them.
    pub host_ip: String,
    /// The port of the machine; `None`: the daemon chooses one at each start.
    pub host_port: Option<u16>,
}

impl Project {
    /// The project of this file: as it runs, else as the file declares it. `named` tells apart several of one file.
    ///
    /// # Errors
    /// The daemon can't be asked, the project is not the only one of its name or is stopped, or the file can't be read by Compose.
    pub async fn find(docker: &Docker, file: &Path, named: Option<&str>) -> Result<Project, DockerError> {
        match running(docker, file, named).await? {
            Some(project) => Ok(project.with_dependencies(docker, file)),
            None => tool::Compose::find(docker, file)?.declared(named),
        }
    }

    /// With what depends on what by the file, as it is now, where Compose has not written that beside the containers: version 1 does not. Where
    /// no Compose is here, nothing is known of it.
    #[must_use]
    pub fn with_dependencies(mut self, docker: &Docker, file: &Path) -> Project {
        if self.containers.iter().any(|container| container.label(labels::DEPENDS_ON).is_some()) {
            return self;
        }
        let declared = tool::Compose::find(docker, file).and_then(|tool| tool.declared(Some(&self.name)));
        for (name, declared) in declared.into_iter().flat_map(|declared| declared.services) {
            if let Some(service) = self.services.get_mut(&name) {
                service.depends_on = declared.depends_on;
            }
        }
        self
    }

    /// Whether containers of it run.
    pub fn runs(&self) -> bool {
        self.containers.iter().any(Container::runs)
    }

    /// The volumes that have no name of their own: they were made with the containers, and nothing else has them.
    pub fn anonymous_volumes(&self) -> Vec<String> {
        let mounts = self.containers.iter().flat_map(|container| &container.mounts);
        let anonymous = mounts.filter(|mount| mount.kind == "volume" && is_anonymous(&mount.name));
        anonymous.map(|mount| mount.name.clone()).collect()
    }

    /// Whether a run of ours has brought it up; its id.
    pub fn brought_up_by(&self) -> Option<&str> {
        self.containers.iter().find_map(|container| container.label(labels::RUN))
    }
}

/// The containers of this file's project, if any runs.
///
/// # Errors
/// As [`Project::find`].
pub async fn running(docker: &Docker, file: &Path, named: Option<&str>) -> Result<Option<Project>, DockerError> {
    let all = list(docker, labels::PROJECT).await?;
    let of_file: BTreeSet<&str> = all.iter().filter(|one| is_of(one, file)).filter_map(project_of).collect();
    let name = match (named, of_file.len()) {
        (Some(named), 1..) if !of_file.contains(named) => {
            let names = of_file.into_iter().map(String::from).collect();
            return Err(DockerError::OtherName { file: file.into(), named: named.into(), names });
        }
        (Some(named), _) => named.to_string(),
        (None, 0) => return Ok(None),
        (None, 1) => of_file.into_iter().map(String::from).collect(),
        (None, _) => {
            let names = of_file.into_iter().map(String::from).collect();
            return Err(DockerError::Several { file: file.into(), names });
        }
    };
    let own: Vec<&Listed> = all.iter().filter(|one| project_of(one) == Some(&name)).collect();
    if let Some(other) = own.iter().find(|one| !is_of(one, file)) {
        let files = own.iter().chain([other]).flat_map(|one| files_of(one)).map(|file| file.display().to_string());
        let files: BTreeSet<String> = files.collect();
        return Err(DockerError::Mixed { name, files: files.into_iter().collect() });
    }
    let project = of_name(docker, &name).await?;
    let is_ours = project.brought_up_by().is_some();
    if !project.runs() && !project.containers.is_empty() && !is_ours {
        // To bring it up for a run and down again would take its containers away, with what they hold.
        return Err(DockerError::Stopped { name });
    }
    Ok(Some(project).filter(|project| project.runs() || is_ours))
}

/// A project by its name, with all its containers; none where there is no such one.
///
/// # Errors
/// The daemon can't be asked.
pub async fn of_name(docker: &Docker, name: &str) -> Result<Project, DockerError> {
    let mut containers = Vec::new();
    for one in list(docker, &format!("{}={name}", labels::PROJECT)).await?.iter().filter(|one| !is_one_off(one)) {
        match inspect(docker, &one.id).await {
            Ok(container) => containers.push(container),
            // It was removed meanwhile.
            Err(why) if why.is_absent() => {}
            Err(why) => return Err(why),
        }
    }
    Ok(Project { name: name.into(), services: services(&containers), containers })
}

/// Whether it belongs to no service, but to a command that somebody runs.
pub fn is_one_off(listed: &Listed) -> bool {
    label(listed, labels::ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn services(containers: &[Container]) -> BTreeMap<String, Service> {
    let mut services: BTreeMap<String, Service> = BTreeMap::new();
    for container in containers.iter().filter(|container| !container.is_done()) {
        let Some((name, number)) = container.of_service() else { continue };
        let service = services.entry(name.into()).or_default();
        service.numbers.insert(number);
        service.borrowed_network = container.borrowed_network();
        service.borrowed_processes = container.borrowed_processes();
        service.depends_on.extend(container.label(labels::DEPENDS_ON).map(depended_on).unwrap_or_default());
        for (port, bindings) in container.host_config.port_bindings.iter().flatten() {
            let Some(port) = port.strip_suffix("/tcp").and_then(|port| port.parse().ok()) else { continue };
            service.published.extend(bindings.iter().flatten().map(|binding| published(port, binding)));
        }
    }
    services
}

fn published(port: u16, binding: &PortBinding) -> Published {
    let host_port = binding.host_port.parse().ok().filter(|port| *port > 0);
    Published { port, host_ip: binding.host_ip.clone(), host_port }
}

/// Docker names a volume by 64 hexadecimal digits where it was given no name.
fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What follows a service's name, such as a condition, is left out.
fn depended_on(text: &str) -> BTreeSet<String> {
    let names = text.split(',').filter_map(|part| part.split(':').next());
    names.map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect()
}

fn label<'l>(listed: &'l Listed, name: &str) -> Option<&'l str> {
    listed.labels.as_ref()?.get(name).map(String::as_str)
}

fn project_of(listed: &Listed) -> Option<&str> {
    label(listed, labels::PROJECT)
}

/// Whether it was made from this file.
fn is_of(listed: &Listed, file: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
    let file = whole(file);
    files_of(listed).iter().any(|one| whole(one) == file)
}

/// The files that it was made from, as absolute paths.
fn files_of(listed: &Listed) -> Vec<PathBuf> {
    let folder = Path::new(label(listed, labels::FOLDER).unwrap_or("/"));
    let files = label(listed, labels::FILES).unwrap_or_default();
    files.split(',').map(str::trim).filter(|file| !file.is_empty()).map(|file| folder.join(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(folder: &str, files: &str) -> Listed {
        let labels = [(labels::FOLDER, folder), (labels::FILES, files), (labels::PROJECT, "shop")];
        let labels = labels.map(|(name, value)| (name.to_string(), value.to_string()));
        Listed { id: "1".into(), state: "running".into(), labels: Some(labels.into()) }
    }

    #[test]
    fn a_container_is_of_its_file_however_compose_has_written_it() {
        let file = Path::new("/srv/shop/docker-compose.yml");
        assert!(is_of(&listed("/srv/shop", "docker-compose.yml"), file), "docker-compose 1");
        assert!(is_of(&listed("/srv/shop", "/srv/shop/docker-compose.yml"), file), "docker compose 2");
        assert!(is_of(&listed("/srv/shop", "docker-compose.yml,override.yml"), file), "one of several");
        assert!(!is_of(&listed("/srv/other", "docker-compose.yml"), file));
    }

    #[test]
    fn a_named_volume_is_distinguished_from_an_anonymous_one() {
        assert!(is_anonymous(&"0af3".repeat(16)));
        assert!(!is_anonymous("shop_data") && !is_anonymous(&"data".repeat(16)));
    }

    #[test]
    fn dependencies_are_read_with_and_without_their_conditions() {
        let both = BTreeSet::from(["db".to_string(), "cache".to_string()]);
        assert_eq!(depended_on("db:service_healthy:false,cache:service_started:true"), both);
        assert_eq!(depended_on("db, cache"), both);
        assert_eq!(depended_on(""), BTreeSet::new());
    }
}
