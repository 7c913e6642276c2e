//! Attacks that isolate servers by the security groups of their ports, which are the user's own.

use std::collections::BTreeSet;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::attack::{Site, all_serve, named, servers, struck};
use crate::client::{does, openstack};
use crate::isolated::{empty_group, text};
use crate::support::{chimp, run, stderr};
use crate::{await_said, said, until};

/// A group of the user's own; it goes after the servers that have it.
struct Shop;

impl Shop {
    const NAME: &str = "shop";
    const GROUPS: [&str; 4] = ["--security-group", "default", "--security-group", Shop::NAME];

    fn make() -> Shop {
        openstack(&["security", "group", "create", Shop::NAME]);
        Shop
    }

    /// Two servers whose ports have two groups.
    fn site(&self, name: &str) -> Site {
        let mut site = Site::new(name);
        site.make("web", 2, &[&["--tag", "chimp:attack"], &Shop::GROUPS[..]].concat());
        site
    }

    /// A port with both groups, which is no server's yet.
    fn port(&self) -> String {
        let words = [&["port", "create", "--network", "site"], &Shop::GROUPS[..], &["kept"]].concat();
        text(&openstack(&words)["id"])
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            does(&["security", "group", "delete", Shop::NAME]);
        }
    }
}

/// The id of the only port of a server, and its groups.
fn port(server: &str) -> (String, BTreeSet<String>) {
    let all = openstack(&["port", "list", "--server", &named(server).id, "--long"]);
    let [port] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
    (text(&port["ID"]), port["Security Groups"].as_array().unwrap().iter().map(text).collect())
}

fn groups(server: &str) -> BTreeSet<String> {
    port(server).1
}

/// This server has the empty group and no other, and answers no more; all others are as they were.
fn is_isolated(victim: &str, before: &BTreeSet<String>) {
    let empty = empty_group().expect("the attack has made it");
    for server in servers() {
        let is_victim = server.name == victim;
        let expected = if is_victim { [empty.clone()].into() } else { before.clone() };
        let found = (groups(&server.name), server.serves(), server.status.as_str());
        assert_eq!(found, (expected, !is_victim, "ACTIVE"), "{server:?}, struck: {victim}");
    }
}

/// Ctrl-C lifts every fault. None ends by itself while it is looked at.
fn lifted(mut attack: Child, site: &Site) {
    kill(Pid::from_raw(attack.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(attack.wait().unwrap().code(), Some(130), "{}", site.said());
    assert!(site.said().contains("healed"), "{}", site.said());
}

fn is_as_before(before: &BTreeSet<String>) {
    assert!(groups("web-1") == *before && groups("web-2") == *before && empty_group().is_none());
    all_serve();
}

pub fn an_attack_isolates_a_server_and_gives_its_ports_their_own_groups_back() {
    let shop = Shop::make();
    let site = shop.site("cloud-attack-isolated");
    let (port, before) = port("web-1");
    assert_eq!(before.len(), 2);
    refuses_a_port_without_security(&site, &port, &before);
    let attack = site.begin(&["fault", "isolated", "--for", "10min", "--server", "web-1"]);
    await_said(&site.folder, "struck");
    is_isolated("web-1", &before);
    lifted(attack, &site);
    assert!(site.said().contains("made in the cloud, and removed: 1 security group"), "{}", site.said());
    is_as_before(&before);
    without_a_login(&site, &before);
}

/// Groups mean nothing to it, so nothing is done, and nothing made.
fn refuses_a_port_without_security(site: &Site, port: &str, before: &BTreeSet<String>) {
    does(&["port", "set", "--no-security-group", "--disable-port-security", port]);
    let refused =
        run(&mut site.attack(&["fault", "isolated", "--for", "5s", "--server", "web-2", "--server", "web-1"]));
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(stderr(&refused).contains(&format!("the port `{port}` has no port security")), "{}", said(&refused));
    assert!(empty_group().is_none() && groups("web-2") == *before, "something was done");
    assert!(!site.folder.path().join("reports").exists(), "something was done");
    let own: Vec<&str> = before.iter().flat_map(|group| ["--security-group", group]).collect();
    does(&[&["port", "set", "--enable-port-security"], &own[..], &[port]].concat());
    all_serve();
}

/// The paper's failure of the network needs no login; a process does.
fn without_a_login(site: &Site, before: &BTreeSet<String>) {
    site.folder.write("chimp.toml", "");
    let file = site.folder.write("processes.json", r#"{"web-1": ["python3"]}"#);
    let refused = run(&mut site.attack(&["process", "--processes", file.to_str().unwrap()]));
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(stderr(&refused).contains("web-1: nothing says how to log in to it"), "{}", said(&refused));
    let attack = site.begin(&["network", "--for", "10min"]);
    await_said(&site.folder, "struck");
    is_isolated(&struck(&site.said()), before);
    lifted(attack, site);
    is_as_before(before);
    let power = run(&mut site.attack(&["random", "--for", "2s"]));
    assert!(power.status.success(), "{}", said(&power));
    is_as_before(before);
}

/// Undoes what an attack has left that was killed.
fn heal(site: &Site) {
    let heal = run(&mut chimp(&["heal", "--out", &site.path("reports")]));
    assert!(heal.status.success() && said(&heal).contains("web-1: healed"), "{}", said(&heal));
}

/// It may have given its port the group by then, or not yet.
pub fn an_attack_that_is_killed_as_soon_as_it_has_its_empty_group_leaves_none_after_its_heal() {
    let shop = Shop::make();
    let site = shop.site("cloud-attack-isolated-begun");
    let before = groups("web-1");
    let words = ["fault", "isolated", "--for", "10min", "--lease", "10min", "--server", "web-1"];
    let mut attack = site.begin(&words);
    until("the empty group is there", || empty_group().is_some());
    attack.kill().unwrap();
    attack.wait().unwrap();
    heal(&site);
    is_as_before(&before);
}

/// Nova deletes no port that it has not made.
pub fn a_port_that_outlives_the_attacked_servers_gets_its_own_groups_back() {
    let shop = Shop::make();
    let port = shop.port();
    let mut site = Site::new("cloud-attack-isolated-port");
    site.make_at(&["--port", &port], "web-1", 1, &["--tag", "chimp:attack"]);
    let before = groups("web-1");
    assert_eq!(before.len(), 2);
    let words = ["fault", "isolated", "--for", "10min", "--lease", "10min", "--server", "web-1"];
    let mut attack = site.begin(&words);
    await_said(&site.folder, "struck");
    attack.kill().unwrap();
    attack.wait().unwrap();
    does(&["server", "delete", "--wait", &named("web-1").id]);
    let groups = || {
        let shown = openstack(&["port", "show", &port]);
        shown["security_group_ids"].as_array().unwrap().iter().map(text).collect::<BTreeSet<_>>()
    };
    assert_eq!(groups(), [empty_group().unwrap()].into());
    heal(&site);
    assert!(groups() == before && empty_group().is_none());
    let again = run(&mut chimp(&["heal", "--out", &site.path("reports")]));
    assert!(again.status.success() && !said(&again).contains("healed"), "{}", said(&again));
    does(&["port", "delete", &port]);
}

pub fn an_isolation_of_a_killed_attack_ends_by_its_journal_and_by_its_lease() {
    let shop = Shop::make();
    let site = shop.site("cloud-attack-isolated-killed");
    let before = groups("web-1");
    for lease in ["10min", "10s"] {
        let words = ["fault", "isolated", "--for", "10min", "--lease", lease, "--server", "web-1"];
        let mut attack = site.begin(&words);
        await_said(&site.folder, "struck");
        is_isolated("web-1", &before);
        attack.kill().unwrap();
        attack.wait().unwrap();
        match lease {
            "10min" => heal(&site),
            _ => until("its port has its own groups again", || groups("web-1") == before && empty_group().is_none()),
        }
        is_as_before(&before);
    }
    heal(&site);
}
