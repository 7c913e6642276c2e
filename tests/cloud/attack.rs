//! Attacks on servers that are there already, and were opted in by their tag.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::client::{does, openstack};
use crate::support::{Folder, chimp, run, stderr};
use crate::{await_said, said, until};

/// A server has a service with a port, and a process that can be killed.
const SERVICE: &str = "#cloud-config
write_files:
- path: \"/etc/systemd/system/site.service\"
  content: |
    [Service]
    ExecStart=python3 -m http.server --protocol HTTP/1.1 80
runcmd:
- [\"systemctl\", \"enable\", \"--now\", \"site.service\"]
";

/// Servers that the official client has made; it deletes them in the end.
pub struct Site {
    pub folder: Folder,
    ids: Vec<String>,
}

impl Site {
    /// None yet.
    pub fn new(name: &str) -> Site {
        let folder = Folder::new(name);
        let key = format!("{}/key", std::env::var("OPENSTACK_FOLDER").unwrap());
        folder.write("chimp.toml", &format!("[openstack.login]\nkey = {key:?}\nhost_keys = \"ignore\"\n"));
        folder.write("user-data", SERVICE);
        Site { folder, ids: Vec::new() }
    }

    /// Makes `count` servers `name-1`, `name-2` and so on, or one `name`.
    pub fn make(&mut self, name: &str, count: u32, words: &[&str]) {
        self.make_at(&["--network", "site"], name, count, words);
    }

    /// The same, plugged in as the first words say.
    pub fn make_at(&mut self, at: &[&str], name: &str, count: u32, words: &[&str]) {
        let (data, count) = (self.path("user-data"), count.to_string());
        let fixed = [&["server", "create", name, "--wait"], at].concat();
        let of = ["--flavor", "small", "--image", "empty", "--key-name", "chimp"];
        let many = ["--min", &count, "--max", &count, "--user-data", &data];
        openstack(&[&fixed[..], &of, &many, words].concat());
        self.ids = servers().into_iter().map(|server| server.id).collect();
    }

    pub fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    /// `chimp attack … --on openstack`.
    pub fn attack(&self, words: &[&str]) -> Command {
        let (config, out) = (self.path("chimp.toml"), self.path("reports"));
        let at = ["--on", "openstack", "--seed", "1", "--config", &config, "--out", &out];
        chimp(&[&["attack"], words, &at].concat())
    }

    /// The same, in the background.
    pub fn begin(&self, words: &[&str]) -> Child {
        let said = File::create(self.folder.path().join("said")).unwrap();
        self.attack(words).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap()
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let ids = self.ids.iter().map(String::as_str).filter(|id| servers().iter().any(|server| server.id == *id));
        let words: Vec<&str> = ["server", "delete", "--wait"].into_iter().chain(ids).collect();
        if words.len() > 3 && !std::thread::panicking() {
            does(&words);
        }
    }
}

#[derive(Debug, Clone)]
pub struct Server {
    pub name: String,
    pub status: String,
    pub id: String,
    address: String,
}

impl Server {
    /// Whether its service accepts a connection.
    pub fn serves(&self) -> bool {
        let at: SocketAddr = format!("{}:80", self.address).parse().unwrap();
        TcpStream::connect_timeout(&at, Duration::from_secs(1)).is_ok()
    }
}

/// The servers as the official client lists them.
pub fn servers() -> Vec<Server> {
    let all = openstack(&["server", "list"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let server = |server: &serde_json::Value| Server {
        name: text(&server["Name"]),
        status: text(&server["Status"]),
        id: text(&server["ID"]),
        address: text(&server["Networks"]["site"][0]),
    };
    all.as_array().unwrap().iter().map(server).collect()
}

pub fn named(name: &str) -> Server {
    servers().into_iter().find(|server| server.name == name).unwrap_or_else(|| panic!("{name} is there"))
}

/// The server that a report of an attack says was struck.
pub fn struck(said: &str) -> String {
    let line = said.lines().find(|line| line.contains(" struck; ")).unwrap_or_else(|| panic!("{said}"));
    line.split_whitespace().nth(2).unwrap().into()
}

/// All that may be attacked are as they were made, and so is everything else.
pub fn all_serve() {
    until("all servers serve", || servers().iter().all(|server| server.status == "ACTIVE" && server.serves()));
}

pub fn each_failure_model_strikes_servers_with_the_tag_and_no_others() {
    let mut site = Site::new("cloud-attack");
    site.make("other", 1, &[]);
    let none = run(&mut site.attack(&["random"]));
    assert!(refusal(&none).contains("none carries the tag `chimp:attack`"), "{}", said(&none));
    site.make("web", 3, &["--tag", "chimp:attack"]);
    does(&["server", "lock", "web-3"]);
    refuses_what_is_not_open(&site);
    random(&site);
    process(&site);
    network(&site);
    does(&["server", "unlock", "web-3"]);
    graph(&site);
}

/// What an attack says that never began.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", said(output));
    assert!(stderr(output).ends_with("1 error; nothing was touched\n"), "{}", said(output));
    stderr(output)
}

fn refuses_what_is_not_open(site: &Site) {
    let refused = |server: &str| {
        let output = run(&mut site.attack(&["fault", "power-off", "--for", "1s", "--server", server]));
        refusal(&output)
    };
    assert!(refused("other").contains("other may not be attacked: it was not opted in\n  help: openstack "));
    assert!(
        refused("web-3").contains("web-3 may not be attacked: it is locked in Nova\n  help: openstack server unlock ")
    );
    assert!(refused("web-9").contains("there is no server `web-9` that may be attacked"));
    let drawn = run(&mut site.attack(&["random", "--count", "2", "--dry-run"]));
    assert!(drawn.status.success() && said(&drawn).contains("2 drawn of 2"), "{}", said(&drawn));
    let graph = run(&mut site.attack(&["graph"]));
    assert!(refusal(&graph).contains("nothing says which server talks to which"));
    assert!(!site.folder.path().join("reports").exists(), "nothing was touched");
    all_serve();
}

/// Power: Nova says SHUTOFF, of one server; and ACTIVE after Ctrl-C, which lifts it.
fn random(site: &Site) {
    let mut attack = site.begin(&["random", "--for", "5min"]);
    await_said(&site.folder, "struck");
    let victim = struck(&site.said());
    for server in servers() {
        let (status, serves) = if server.name == victim { ("SHUTOFF", false) } else { ("ACTIVE", true) };
        assert_eq!((server.status.as_str(), server.serves()), (status, serves), "{server:?}, struck: {victim}");
    }
    kill(Pid::from_raw(attack.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(attack.wait().unwrap().code(), Some(130), "{}", site.said());
    assert!(
        site.said().contains("healed") && site.said().contains("requests to the cloud's APIs: "),
        "{}",
        site.said()
    );
    all_serve();
}

/// A process, over SSH: Nova knows of nothing, and one service is gone.
fn process(site: &Site) {
    let file = site.folder.write("processes.json", r#"{"web-1": ["python3"], "web-2": ["python3"]}"#);
    let output = run(&mut site.attack(&["process", "--processes", file.to_str().unwrap()]));
    assert!(output.status.success(), "{}", said(&output));
    let victim = struck(&said(&output));
    for server in servers() {
        assert_eq!((server.status.as_str(), server.serves()), ("ACTIVE", server.name != victim), "{server:?}");
    }
    does(&["server", "reboot", "--hard", "--wait", &named(&victim).id]);
    all_serve();
}

/// The network, over SSH: one server is silent, and comes back by itself, since its lease ends it.
fn network(site: &Site) {
    let mut attack = site.begin(&["network", "--after", "500ms", "--for", "12s"]);
    await_said(&site.folder, "struck");
    let victim = struck(&site.said());
    let silent: Vec<String> =
        servers().into_iter().filter(|server| !server.serves()).map(|server| server.name).collect();
    assert_eq!(silent, [victim.as_str()]);
    assert_eq!(named(&victim).status, "ACTIVE");
    assert_eq!(attack.wait().unwrap().code(), Some(0), "{}", site.said());
    all_serve();
}

/// The server of the highest degree, for good: Nova no longer has it.
fn graph(site: &Site) {
    let text = r#"[{"name": "web-1", "out": ["web-2"]}, {"name": "web-2", "out": ["web-3"]}, {"name": "web-3"}]"#;
    let file = site.folder.write("graph.json", text);
    let output = run(&mut site.attack(&["graph", "--graph", file.to_str().unwrap()]));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(struck(&said(&output)), "web-2");
    let mut left: Vec<String> = servers().into_iter().map(|server| server.name).collect();
    left.sort();
    assert_eq!(left, ["other", "web-1", "web-3"]);
    all_serve();
}

/// Nova says SUSPENDED, and then ACTIVE; another boot is seen after a reboot that Nova lists.
pub fn a_server_is_suspended_and_reboots_gracefully() {
    let mut site = Site::new("cloud-attack-power");
    site.make("web", 2, &["--tag", "chimp:attack"]);
    let mut attack = site.begin(&["fault", "suspended", "--for", "6s", "--server", "web-1"]);
    await_said(&site.folder, "struck");
    let (web_1, web_2) = (named("web-1"), named("web-2"));
    assert_eq!((web_1.status.as_str(), web_1.serves()), ("SUSPENDED", false));
    assert_eq!((web_2.status.as_str(), web_2.serves()), ("ACTIVE", true));
    assert_eq!(attack.wait().unwrap().code(), Some(0), "{}", site.said());
    all_serve();
    let output = run(&mut site.attack(&["fault", "soft-reboots", "--server", "web-1"]));
    assert!(output.status.success() && struck(&said(&output)) == "web-1", "{}", said(&output));
    assert!(said(&output).contains("first process started at"), "{}", said(&output));
    let listed = |server: &str, action: &str| {
        let events = openstack(&["server", "event", "list", server]);
        events.as_array().unwrap().iter().filter(|event| event["Action"] == action).count()
    };
    for action in ["suspend", "resume", "reboot"] {
        assert_eq!((listed("web-1", action), listed("web-2", action)), (1, 0), "{action}");
    }
    all_serve();
}

pub fn a_killed_attack_is_undone_by_its_journal_and_by_its_lease() {
    let mut site = Site::new("cloud-attack-killed");
    site.make("web", 2, &["--tag", "chimp:attack"]);
    let faults = [("power-off", "SHUTOFF", "10min"), ("hangs", "PAUSED", "10s"), ("suspended", "SUSPENDED", "10s")];
    for (fault, status, lease) in faults {
        let words = ["fault", fault, "--for", "10min", "--lease", lease, "--server", "web-1"];
        let mut attack = site.begin(&words);
        await_said(&site.folder, "struck");
        attack.kill().unwrap();
        attack.wait().unwrap();
        assert_eq!((named("web-1").status.as_str(), named("web-2").status.as_str()), (status, "ACTIVE"), "{fault}");
        if fault == "power-off" {
            // Neither the tag nor the name is needed for what was done already.
            does(&["server", "unset", "--tag", "chimp:attack", "web-1"]);
            let heal = run(&mut chimp(&["heal", "--out", &site.path("reports")]));
            assert!(heal.status.success() && said(&heal).contains("web-1: healed"), "{}", said(&heal));
            does(&["server", "set", "--tag", "chimp:attack", "web-1"]);
        }
        all_serve();
    }
    let heal = run(&mut chimp(&["heal", "--out", &site.path("reports")]));
    assert!(heal.status.success() && said(&heal).contains("web-1: healed"), "ended by its lease: {}", said(&heal));
}
