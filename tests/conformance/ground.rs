//! What is looked at: an environment with servers, and the process that looks.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use anarcho_chimp::environment::{self, Access, Environment, Opened};
use anarcho_chimp::infrastructure::{Draft, Infrastructure};
use anarcho_chimp::instance::{Instance, InstanceSpec, PowerState, UserData};
use anarcho_chimp::plan::Plan;
use anarcho_chimp::provider::{Provider, Remote};
use anarcho_chimp::settings::Settings;

use crate::checks::{CHECKS, Outcome};
use crate::containers::Containers;
use crate::site::Site;
use crate::support::{Folder, run, stderr, stdout};

/// The word by which this program is asked to look at an environment.
const LOOK: &str = "look-at";
/// What an environment's servers are, whoever boots them: one that is asked, and two that things are done to.
pub const SITE: &str = "servers:\n  - { name: web-1, role: webserver, zone: a }\n  - { name: web-2, role: webserver, zone: a, tags: [blue] }\n  \
                        - { name: web-3, role: webserver, zone: b }\nentry: { host: web-1 }\n";

/// An environment that is looked at.
pub struct Ground {
    pub provider: Arc<dyn Provider>,
    /// The servers as the environment knows them.
    pub infrastructure: Infrastructure,
    /// Whether it boots servers.
    pub boots: bool,
    /// Whether what is done to a server's power outlives whoever does it.
    pub outlives: bool,
    /// Where a server that is booted anew would be.
    pub free_address: Option<Ipv4Addr>,
}

impl Ground {
    /// The instance that stands for a server now.
    pub async fn instance(&self, server: &str) -> Result<Instance, String> {
        let all = self.provider.list().await.map_err(|why| why.to_string())?;
        let own = all.into_iter().rev().find(|instance| instance.name == server);
        own.ok_or_else(|| format!("{server} is not listed"))
    }

    pub async fn remote(&self, server: &str) -> Result<Box<dyn Remote>, String> {
        let instance = self.instance(server).await?;
        self.provider.connect(&instance).await.map_err(|why| why.to_string())
    }
}

/// What came of each check, by its name.
pub type Findings = BTreeMap<String, Outcome>;

/// Looks at an environment in a process of its own.
pub fn look_at(environment: &str) -> Findings {
    let containers = Containers::up(environment);
    let attached = ["testbed", "inventory"].contains(&environment);
    let site = attached.then(|| Site::up(&format!("conformance-{environment}"), SITE));
    let folder = Folder::new(&format!("conformance-in-{environment}"));
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new(this);
    let place = match (&site, &containers) {
        (Some(site), _) if environment == "testbed" => site.up.socket.display().to_string(),
        (Some(site), _) => site.folder.path().join("staging.yaml").display().to_string(),
        (None, Some(containers)) => containers.place().to_string(),
        (None, None) => String::new(),
    };
    command.args([LOOK, environment, &place]).current_dir(folder.path());
    if let (Some(site), "inventory") = (&site, environment) {
        site.enter(&mut command);
    }
    let output = run(&mut command);
    let told = stdout(&output);
    let last = told
        .lines()
        .rfind(|line| line.starts_with('{'))
        .unwrap_or_else(|| panic!("{environment}: {}", stderr(&output)));
    let mut findings: Findings = serde_json::from_str(last).unwrap();
    findings.extend(match &containers {
        Some(containers) => crate::power::after_a_kill_in(containers, &folder),
        None => crate::power::after_a_kill(environment, site.as_ref()),
    });
    findings
}

/// Looks, where this program was started for it.
pub fn look_if_asked() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [asked, environment, place] = words.as_slice() else { return None };
    if asked != LOOK {
        return None;
    }
    let findings = match environment.as_str() {
        "local" | "openstack" | "ec2" => return Some(booted_in(environment)),
        "compose" | "swarm" => reopened(environment, &serde_json::from_str(place).unwrap()),
        "testbed" => reopened("testbed", &serde_json::json!({ "socket": place })),
        other => reopened(other, &serde_json::json!({ "file": place })),
    };
    println!("{}", serde_json::to_string(&findings).unwrap());
    Some(ExitCode::SUCCESS)
}

fn reopened(environment: &str, value: &serde_json::Value) -> Findings {
    let kind = environment::named(environment).unwrap();
    let found = kind.reopen(value, None).map_err(|why| why.to_string()).unwrap();
    let boots = kind.capabilities().boots;
    let (provider, infrastructure) = (found.provider, found.infrastructure);
    let ground = Ground { provider, infrastructure, boots, outlives: true, free_address: None };
    block_on(all(&ground))
}

fn booted_in(environment: &str) -> ExitCode {
    let infrastructure = infrastructure();
    let plan = plan(environment, &infrastructure);
    let scenario = &plan.scenarios[0];
    let work = |opened: Arc<dyn Environment>| {
        let findings = block_on(async {
            let outlives = opened.farewell().is_none();
            let place = opened.open("conformance", scenario, PathBuf::from("logs")).await.unwrap();
            let Opened { provider, addresses, .. } = place;
            for (name, server) in &infrastructure.servers {
                let (zone, tags) = (server.zone.clone(), server.tags.clone());
                let address = addresses.servers[name];
                let user_data = UserData::default();
                let boot_delay = std::time::Duration::ZERO;
                let spec = InstanceSpec { name: name.clone(), zone, tags, address, user_data, boot_delay };
                provider.boot(&spec).await.unwrap();
            }
            let free_address = addresses.servers.values().min().map(free_beside);
            let infrastructure = infrastructure.clone();
            let ground = Ground { provider, infrastructure, boots: true, outlives, free_address };
            let findings = all(&ground).await;
            ground.provider.close().await.unwrap();
            opened.close().await.unwrap();
            findings
        });
        println!("{}", serde_json::to_string(&findings).unwrap());
        0
    };
    let code = environment::named(environment).unwrap().enter("", &Access::default(), &plan, Box::new(work)).unwrap();
    ExitCode::from(code)
}

/// An address of the same range that no server has: at its end, as Neutron draws from the first hundred that are free.
fn free_beside(first: &Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = first.octets();
    Ipv4Addr::new(a, b, c, 250)
}

fn infrastructure() -> Infrastructure {
    let path = Path::new("site.yaml");
    std::fs::write(path, SITE).unwrap();
    let mut draft = Draft::default();
    draft.file(path).unwrap();
    draft.build().unwrap()
}

fn plan(environment: &str, infrastructure: &Infrastructure) -> Plan {
    let feature = "Feature: Any\n  Scenario: Any\n    Given the infrastructure in \"./site.yaml\"\n    When node \"web-2\" dies\n    \
                   Then recovery < 1 min\n";
    std::fs::write("any.feature", feature).unwrap();
    let options = anarcho_chimp::declare::DeclareOptions {
        paths: vec!["any.feature".into()],
        environment: Some(environment.into()),
        settings: settings(),
        ..Default::default()
    };
    let plan = anarcho_chimp::declare::declare(&options).unwrap();
    assert_eq!(plan.scenarios[0].infrastructure.servers, infrastructure.servers);
    plan
}

/// The zones of the cloud that stand for those of the site.
fn settings() -> Settings {
    let mut settings = Settings::default();
    let zones = [("a", "zone-a"), ("b", "zone-b")];
    settings.openstack.zones = zones.map(|(ours, theirs)| (ours.into(), theirs.into())).into();
    if let Some(folder) = std::env::var_os("EC2_FOLDER") {
        let file = std::fs::read_to_string(Path::new(&folder).join("chimp.toml")).unwrap();
        let mut sections: toml::Table = file.parse().unwrap();
        settings.ec2 = sections.remove("ec2").unwrap().try_into().unwrap();
    }
    settings
}

/// Every check, one after the other: what one leaves, the next finds.
async fn all(ground: &Ground) -> Findings {
    let mut findings = Findings::new();
    for check in CHECKS {
        let limit = std::time::Duration::from_secs(90);
        let outcome = tokio::time::timeout(limit, (check.run)(ground)).await;
        findings.insert(check.name.into(), outcome.unwrap_or_else(|_| Outcome::Failed("took longer than 90 s".into())));
    }
    findings
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(work)
}

/// Whether an instance is in this state.
pub fn is(instance: &Instance, state: PowerState) -> Result<(), String> {
    if instance.state == state {
        Ok(())
    } else {
        Err(format!("{} is {}: {}", instance.name, instance.state, instance.evidence))
    }
}
