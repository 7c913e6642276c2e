//! The `docker compose` or `docker-compose` of this machine: what a file declares, and bringing it up and down.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_yaml::Value;

use super::container::{NETWORK, PROCESSES, borrowed};
use super::project::{Project, Published, Service};
use super::{Docker, DockerError, labels};

/// What is shown of what it complained.
const COMPLAINT: usize = 2000;
/// The two ways to call it, the newer one first.
const WAYS: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];

/// Compose, for one file.
#[derive(Debug, Clone)]
pub struct Compose {
    program: &'static [&'static str],
    file: PathBuf,
    host: String,
}

/// How Compose is called on this machine; `None`: it is not here.
pub(super) fn way() -> Option<&'static [&'static str]> {
    WAYS.into_iter().find(|way| {
        let mut version = Command::new(way[0]);
        version.args(&way[1..]).arg("version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

/// A file as Compose reads it: all variables, extensions and further files filled in.
#[derive(Debug, Deserialize)]
struct Declared {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    services: BTreeMap<String, DeclaredService>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeclaredService {
    scale: Option<u32>,
    deploy: Deploy,
    depends_on: Value,
    ports: Vec<Value>,
    network_mode: String,
    pid: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Deploy {
    replicas: Option<u32>,
}

impl Compose {
    /// The one that is here, for this file and daemon.
    ///
    /// # Errors
    /// [`DockerError::NoCompose`] where there is none.
    pub fn find(docker: &Docker, file: &Path) -> Result<Compose, DockerError> {
        let program = way().ok_or_else(|| DockerError::NoCompose { file: file.into() })?;
        Ok(Compose { program, file: file.into(), host: format!("unix://{}", docker.socket().display()) })
    }

    /// The project as its file declares it: nothing of it runs.
    ///
    /// # Errors
    /// What Compose complains of.
    pub fn declared(&self, named: Option<&str>) -> Result<Project, DockerError> {
        let declared = self.config(named)?;
        let name = named.map(String::from).or(declared.name).unwrap_or_else(|| self.usual_name());
        let services = declared.services.into_iter().map(|(name, service)| (name, service.read())).collect();
        Ok(Project { name, services, containers: Vec::new() })
    }

    /// Starts the project, marked as brought up by this run.
    ///
    /// # Errors
    /// What Compose complains of.
    pub fn up(&self, project: &Project, run: &str) -> Result<(), DockerError> {
        let version = self.config(Some(&project.name))?.version;
        let marks = Marks::of(project, version, run)
            .map_err(|why| DockerError::Broken { what: "to mark the project".into(), detail: why.to_string() })?;
        let marks = marks.path().display().to_string();
        self.run_with(&["-f", &marks], Some(&project.name), &["up", "-d"]).map(drop)
    }

    /// Ends the project, and removes its containers and networks; what it keeps on volumes stays.
    ///
    /// # Errors
    /// What Compose complains of.
    pub fn down(&self, project: &str) -> Result<(), DockerError> {
        self.run(Some(project), &["down"]).map(drop)
    }

    fn config(&self, named: Option<&str>) -> Result<Declared, DockerError> {
        serde_yaml::from_str(&self.run(named, &["config"])?).map_err(|why| DockerError::Broken {
            what: format!("`{} config`", self.program.join(" ")),
            detail: why.to_string(),
        })
    }

    /// As Compose names a project that says no name: by its folder.
    fn usual_name(&self) -> String {
        let folder = self.file.canonicalize().unwrap_or_else(|_| self.file.clone());
        let folder = folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().to_lowercase();
        folder.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
    }

    fn run(&self, named: Option<&str>, words: &[&str]) -> Result<String, DockerError> {
        self.run_with(&[], named, words)
    }

    fn run_with(&self, files: &[&str], named: Option<&str>, words: &[&str]) -> Result<String, DockerError> {
        let mut command = Command::new(self.program[0]);
        command.args(&self.program[1..]).arg("-f").arg(&self.file).args(files);
        // Paths in the file are relative to it, whatever else is given.
        if let Some(folder) = self.file.parent().filter(|folder| *folder != Path::new("")) {
            command.arg("--project-directory").arg(folder);
        }
        command.args(named.iter().flat_map(|name| ["-p", name])).args(words);
        command.env("DOCKER_HOST", &self.host).stdin(Stdio::null());
        let shown = format!("{} {}", self.program.join(" "), words.join(" "));
        // Killed with this process: what it would still make could be taken down by no later command.
        // SAFETY: prctl is async-signal-safe.
        unsafe {
            command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?));
        }
        let failed =
            |status: String, complaint: String| DockerError::Compose { command: shown.clone(), status, complaint };
        let Output { status, stdout, stderr } =
            command.output().map_err(|why| failed("no start".into(), why.to_string()))?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let tail = &stderr[stderr.len().saturating_sub(COMPLAINT)..];
        Err(failed(status.to_string(), String::from_utf8_lossy(tail).trim().into()))
    }
}

/// The runs that were bringing a project of this name up, and have not come to the end of that: their marks, and the files by which these
/// are known.
pub fn bringing_up(project: &str) -> Vec<(String, PathBuf)> {
    let Ok(files) = std::fs::read_dir(std::env::temp_dir()) else { return Vec::new() };
    let own = nix::unistd::geteuid().as_raw();
    let one = |file: std::fs::DirEntry| {
        let name = file.file_name().into_string().ok()?;
        let run = name.strip_prefix(Marks::BEGIN)?.strip_suffix(&format!(".{project}.yml"))?.to_string();
        // Another user's says nothing.
        file.metadata().ok().filter(|found| found.is_file() && found.uid() == own)?;
        Some((run, file.path()))
    };
    files.flatten().filter_map(one).collect()
}

/// A further file of Compose that marks every service with the run's id, so that it is known later who brought it up.
struct Marks(PathBuf);

impl Marks {
    /// What its name begins with, before the run's id and the project's name.
    const BEGIN: &str = "anarcho-chimp-up.";

    /// `version`: that of the file, as older versions of Compose want it to be the same in all files.
    fn of(project: &Project, version: Option<String>, run: &str) -> std::io::Result<Marks> {
        let services: BTreeMap<&str, _> = project
            .services
            .keys()
            .map(|name| (name.as_str(), serde_json::json!({ "labels": { (labels::RUN): run } })))
            .collect();
        let path = std::env::temp_dir().join(format!("{}{run}.{}.yml", Marks::BEGIN, project.name));
        // JSON is YAML.
        let mut marks = serde_json::json!({ "services": services });
        if let Some(version) = version {
            marks["version"] = version.into();
        }
        // Never into what another user has put there.
        let mut file = std::fs::File::create_new(&path)?;
        let written = Marks(path);
        file.write_all(marks.to_string().as_bytes())?;
        Ok(written)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl DeclaredService {
    fn read(self) -> Service {
        let count = self.scale.or(self.deploy.replicas).unwrap_or(1);
        let text = |value: &Value| value.as_str().map(String::from);
        let depends_on: BTreeSet<String> = match &self.depends_on {
            Value::Sequence(all) => all.iter().filter_map(text).collect(),
            Value::Mapping(all) => all.keys().filter_map(text).collect(),
            _ => BTreeSet::new(),
        };
        let published = self.ports.iter().filter_map(port).collect();
        Service {
            numbers: (1..=count).collect(),
            depends_on,
            published,
            nodes: BTreeMap::new(),
            borrowed_network: borrowed(&self.network_mode, NETWORK),
            borrowed_processes: borrowed(&self.pid, PROCESSES),
        }
    }
}

/// `8080:80/tcp`, `127.0.0.1:8080:80`, `80`, or `{ target: 80, published: 8080, protocol: tcp }`.
fn port(value: &Value) -> Option<Published> {
    let number = |value: &Value| {
        let written = || value.as_str().and_then(|text| text.parse().ok());
        value.as_u64().and_then(|port| u16::try_from(port).ok()).or_else(written)
    };
    if let Some(port) = value.as_mapping() {
        let is_tcp = port.get("protocol").is_none_or(|protocol| protocol.as_str() == Some("tcp"));
        let host_ip = port.get("host_ip").and_then(Value::as_str).unwrap_or_default().to_string();
        let host_port = port.get("published").and_then(number).filter(|port| *port > 0);
        return Some(Published { port: number(port.get("target")?)?, host_ip, host_port }).filter(|_| is_tcp);
    }
    let text = value.as_str().map(String::from).or_else(|| Some(value.as_u64()?.to_string()))?;
    let (text, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let (head, port) = text.rsplit_once(':').unwrap_or(("", text));
    let (host_ip, host_port) = head.rsplit_once(':').unwrap_or(("", head));
    let published = Published { port: port.parse().ok()?, host_ip: host_ip.into(), host_port: host_port.parse().ok() };
    Some(published).filter(|_| protocol == "tcp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(text: &str) -> BTreeMap<String, Service> {
        let declared: Declared = serde_yaml::from_str(text).unwrap();
        declared.services.into_iter().map(|(name, service)| (name, service.read())).collect()
    }

    #[test]
    fn services_are_read_as_both_versions_of_compose_print_them() {
        let older = services(
            "services:\n  app: { scale: 3, depends_on: { db: { condition: service_healthy } } }\n  db: {}\n  lb:\n    depends_on: [app]\n    ports: ['8080:80/tcp', 127.0.0.1:9000:9000/tcp, 53/udp]\n",
        );
        let newer = services(
            "services:\n  app: { deploy: { replicas: 3 }, depends_on: { db: { condition: service_healthy, required: true } } }\n  db: {}\n  lb:\n    depends_on: { app: { condition: service_started } }\n    ports: [{ mode: ingress, target: 80, published: '8080', protocol: tcp }, { target: 9000, published: 9000, host_ip: 127.0.0.1 }, { target: 53, protocol: udp }]\n",
        );
        assert_eq!(older, newer);
        assert_eq!(older["app"].numbers, BTreeSet::from([1, 2, 3]));
        assert_eq!(older["app"].depends_on, BTreeSet::from(["db".to_string()]));
        let published = |port, host_ip: &str| Published { port, host_ip: host_ip.into(), host_port: Some(port) };
        assert_eq!(
            older["lb"].published,
            [Published { host_port: Some(8080), ..published(80, "") }, published(9000, "127.0.0.1")]
        );
    }

    #[test]
    fn what_a_service_shares_is_known_before_it_runs() {
        let read =
            services("services: { a: { network_mode: host, pid: host }, b: { network_mode: 'service:a' }, c: {} }");
        assert_eq!(read["a"].borrowed_network.as_deref(), Some("the machine's network"));
        assert_eq!(read["a"].borrowed_processes.as_deref(), Some("the machine's process namespace"));
        assert_eq!(read["b"].borrowed_network.as_deref(), Some("the network of a"));
        assert_eq!((&read["c"].borrowed_network, &read["c"].borrowed_processes), (&None, &None));
    }

    #[test]
    fn a_port_that_the_daemon_chooses_is_told_from_a_fixed_one() {
        let ports =
            |text: &str| services(&format!("services: {{ a: {{ ports: [{text}] }} }}")).remove("a").unwrap().published;
        for text in ["80", "'80'", "80/tcp", "{ target: 80 }", "{ target: 80, published: 0 }"] {
            assert_eq!(ports(text), [Published { port: 80, host_ip: String::new(), host_port: None }], "{text}");
        }
    }
}
