//! Inventories as users write them, what they are told when something is wrong, and what is never done.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::graph::Links;
use crate::infrastructure::Entry;
use crate::instance::{Ability, Plug, PowerOp, PowerState};
use crate::provider::passwords::Passwords;
use crate::provider::ssh::Route;
use crate::provider::{Provider, ProviderError};

fn fixture() -> Inventory {
    file::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/inventories/datacentre.yaml")).unwrap()
}

/// A folder with an inventory, and what its path is replaced by in errors.
fn read(text: &str) -> (tempfile::TempDir, Result<Inventory, String>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode| {
        fs::write(folder.path().join(name), text).unwrap();
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("hosts.yaml", text, 0o644);
    write("key", "a private key", 0o600);
    write("open-key", "a private key", 0o644);
    write("public", "ssh-ed25519 AAAA", 0o600);
    write("matched", "Match user me\n  User you\n", 0o644);
    let chain = "Host six\n  HostName 2001:db8::1\nHost chain\n  ProxyJump jump\nHost jump\n  ProxyJump next\nHost two\n  ProxyJump a,b\n";
    write("config", chain, 0o644);
    write("known", "192.0.2.1 ssh-ed25519 AAAA\n", 0o644);
    write("unread", "# ours\n@revoked * ssh-ed25519\n", 0o644);
    let read = file::read(&folder.path().join("hosts.yaml"));
    let shown = read.map_err(|why| why.to_string().replace(&folder.path().display().to_string(), "."));
    (folder, shown)
}

fn cloud(text: &str) -> (tempfile::TempDir, InventoryCloud) {
    let (folder, inventory) = read(text);
    (folder, InventoryCloud::with_agent(inventory.unwrap(), Passwords::default(), Route::Direct, None))
}

fn id(name: &str) -> crate::instance::InstanceId {
    crate::instance::InstanceId(name.into())
}

#[test]
fn the_example_says_who_may_be_attacked_and_what_steps_call_them() {
    let inventory = fixture();
    assert_eq!(inventory.allowed().into_iter().collect::<Vec<_>>(), ["web-1", "web-2"]);
    let called = |word| inventory.infrastructure.servers_called(word).len();
    assert_eq!((called("webserver"), called("load balancer"), called("node")), (2, 1, 4));
    let graph = Links::of(&inventory.infrastructure, None);
    assert_eq!(graph.degree("lb-1"), Some(2), "there is no entry that would count");
    let web = &inventory.hosts["web-2"];
    assert_eq!((web.ssh.address.name(), web.ssh.port), (Some("web-2.internal.example"), 2222));
    assert_eq!(web.jump.as_ref().map(|jump| (jump.name.as_str(), jump.is_host)), Some(("bastion", true)));
}

#[test]
fn a_mistake_is_one_error_with_its_place_and_a_hint() {
    let host = "hosts:\n  - name: web-1\n    address: 192.0.2.1\n";
    let keys = "host_keys: ignore\n";
    let two = format!("{host}  - name: web-2\n    address: 192.0.2.2\n    tags: [blue]\n{keys}");
    let files: Vec<(&str, String)> = vec![
        ("not YAML", "hosts: [\n".into()),
        ("not a map", "- a\n".into()),
        ("no hosts", format!("hosts: []\n{keys}")),
        ("unknown field", format!("{host}    adress: 192.0.2.1\n{keys}")),
        ("unknown field at the top", format!("{host}{keys}alow: []\n")),
        ("missing field", format!("hosts: [{{name: web-1}}]\n{keys}")),
        ("bad name", format!("hosts: [{{name: Web_1, address: 192.0.2.1}}]\n{keys}")),
        ("name twice", format!("{host}  - name: web-1\n    address: 192.0.2.2\n{keys}")),
        ("address twice", format!("{host}  - name: web-2\n    address: 192.0.2.1\n{keys}")),
        ("neither an address nor a name", format!("hosts: [{{name: web-1, address: web-1.example.org.}}]\n{keys}")),
        ("name twice", format!("hosts: [{{name: a, address: web}}, {{name: b, address: web}}]\n{keys}")),
        ("IPv6", format!("hosts: [{{name: web-1, address: \"2001:db8::1\"}}]\n{keys}")),
        ("a port within", format!("hosts: [{{name: web-1, address: \"192.0.2.1:2222\"}}]\n{keys}")),
        ("a range", format!("hosts: [{{name: web-1, address: 192.0.2.1-4}}]\n{keys}")),
        ("a range of names", format!("hosts: [{{name: \"web-[1:4]\", address: 192.0.2.1}}]\n{keys}")),
        ("a network", format!("hosts: [{{name: web-1, address: 192.0.2.0/24}}]\n{keys}")),
        ("everybody", format!("hosts: [{{name: web-1, address: 255.255.255.255}}]\n{keys}")),
        ("port 0", format!("{host}    port: 0\n{keys}")),
        ("port too large", format!("{host}    port: 70000\n{keys}")),
        ("no user", format!("{host}    user: \"\"\n{keys}")),
        ("bad role", format!("{host}    role: load balancer\n{keys}")),
        ("neither allowed nor forbidden", format!("{host}    attack: sure\n{keys}")),
        ("no key", format!("{host}    key: nowhere\n{keys}")),
        ("public key", format!("{host}    key: public\n{keys}")),
        ("key that others may read", format!("{host}    key: open-key\n{keys}")),
        ("power as a line", format!("{host}    power: {{ stop: virsh destroy web-1 }}\n{keys}")),
        ("empty command", format!("{host}    power: {{ stop: [] }}\n{keys}")),
        ("unknown power", format!("{host}    power: {{ destroy: [virsh] }}\n{keys}")),
        ("logs as a text", format!("{host}    logs: /var/log/haproxy.log\n{keys}")),
        ("a relative log", format!("{host}    logs: [/var/log/syslog, haproxy.log]\n{keys}")),
        ("a folder as a log", format!("{host}    logs: [/var/log/]\n{keys}")),
        ("a log twice", format!("{host}    logs: [/var/log/site.log, /var/log/site.log]\n{keys}")),
        ("logs of one name", format!("{host}    logs: [/var/log/a/site.log, /var/log/b/site.log]\n{keys}")),
        ("too many logs", format!("{host}    logs: [/1, /2, /3, /4, /5, /6, /7, /8, /9]\n{keys}")),
        ("link to nowhere", format!("{two}links:\n  - {{from: web-1, to: wbe-2}}\n")),
        ("link to a range", format!("{two}links:\n  - {{from: web-1, to: \"web-[1:4]\"}}\n")),
        ("link to itself", format!("{two}links: [{{from: web-1, to: web-1}}]\n")),
        ("link twice", format!("{two}links: [{{from: web-1, to: web-2}}, {{from: web-1, to: web-2}}]\n")),
        ("allowed nobody", format!("{two}allow: [web-1, bleu]\n")),
        ("allowed a range", format!("{two}allow: [\"web-[1:2]\"]\n")),
        ("allowed and forbidden", format!("{host}    attack: forbidden\n{keys}allow: [web-1]\n")),
        ("host keys not said", host.into()),
        ("host keys said twice", format!("{host}{keys}known_hosts: known\n")),
        ("no known hosts", format!("{host}known_hosts: nowhere\n")),
        ("a revocation that can't be read", format!("{host}known_hosts: unread\n")),
        ("no agent's program", format!("{host}{keys}agent: nowhere\n")),
        ("a public key as the agent's program", format!("{host}{keys}agent: public\n")),
        ("host keys otherwise", format!("{host}host_keys: accept\n")),
    ];
    let told: Vec<String> =
        files.iter().map(|(name, text)| format!("[{name}]\n{}", read(text).1.expect_err(name))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_mistake_in_how_a_host_is_reached_is_one_error_with_its_place_and_a_hint() {
    let host = "hosts:\n  - name: web-1\n    address: 192.0.2.1\n";
    let keys = "host_keys: ignore\n";
    let files: Vec<(&str, String)> = vec![
        (
            "a jump host that is not there",
            format!("{host}    jump: bastoin\n  - name: bastion\n    address: 192.0.2.9\n{keys}"),
        ),
        ("its own jump host", format!("{host}    jump: web-1\n{keys}")),
        (
            "a chain of jump hosts",
            format!(
                "{host}    jump: a\n  - {{name: a, address: 192.0.2.8, jump: b}}\n  - {{name: b, address: 192.0.2.9}}\n{keys}"
            ),
        ),
        ("a jump host as a list", format!("{host}    jump: [bastion]\n{keys}")),
        ("a jump host without an address", format!("{host}    jump: {{ user: me }}\n{keys}")),
        ("a jump host of IPv6", format!("{host}    jump: {{ address: \"2001:db8::1\" }}\n{keys}")),
        ("no ssh_config", format!("{host}{keys}ssh_config: nowhere\n")),
        ("a mistake in ssh_config", format!("{host}{keys}ssh_config: matched\n")),
        ("IPv6 in ssh_config", format!("hosts: [{{name: web-1, address: six}}]\n{keys}ssh_config: config\n")),
        ("a chain in ssh_config", format!("hosts: [{{name: web-1, address: chain}}]\n{keys}ssh_config: config\n")),
        ("two jump hosts in ssh_config", format!("hosts: [{{name: web-1, address: two}}]\n{keys}ssh_config: config\n")),
    ];
    let told: Vec<String> =
        files.iter().map(|(name, text)| format!("[{name}]\n{}", read(text).1.expect_err(name))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn keys_and_known_hosts_are_found_beside_the_file_and_never_shown() {
    let (_folder, inventory) =
        read("hosts: [{name: web-1, address: 192.0.2.1, key: ./key, attack: allowed}]\nknown_hosts: known\n");
    let inventory = inventory.unwrap();
    let Some(Key::Private(key)) = &inventory.hosts["web-1"].ssh.key else { panic!("it has a key") };
    assert_eq!(key.reveal(), "a private key");
    assert!(!format!("{inventory:?}").contains("a private key"));
}

#[test]
fn a_mistake_about_the_site_is_one_error_with_its_place_and_a_hint() {
    let host = "hosts:\n  - name: web-1\n    address: 192.0.2.1\n";
    let keys = "host_keys: ignore\n";
    let files: Vec<(&str, String)> = vec![
        ("an entry without a scheme", format!("{host}{keys}entry: www.example.org\n")),
        ("an entry with a path", format!("{host}{keys}entry: https://www.example.org/shop\n")),
        ("an entry with a secret", format!("{host}{keys}entry: https://anna:secret@www.example.org\n")),
        ("an entry at an unknown host", format!("{host}{keys}entry: https://www.example.org\nentry_at: lb-1\n")),
        ("at no entry", format!("{host}{keys}entry_at: web-1\n")),
        (
            "a virtual IP without holders",
            format!("{host}{keys}virtual_ips: [{{name: www, address: 192.0.2.9, holders: []}}]\n"),
        ),
        (
            "a virtual IP of an unknown host",
            format!("{host}{keys}virtual_ips: [{{name: www, address: 192.0.2.9, holders: [wbe-1]}}]\n"),
        ),
        (
            "a virtual IP that is a name",
            format!("{host}{keys}virtual_ips: [{{name: www, address: www.example.org, holders: [web-1]}}]\n"),
        ),
        (
            "a virtual IP called as a host",
            format!("{host}{keys}virtual_ips: [{{name: web-1, address: 192.0.2.9, holders: [web-1]}}]\n"),
        ),
        ("a floating IP", format!("{host}{keys}virtual_ips: [{{name: www, floating_ip: true, holders: [web-1]}}]\n")),
        ("a virtual IP without an address", format!("{host}{keys}virtual_ips: [{{name: www, holders: [web-1]}}]\n")),
        ("a relative socket", format!("{host}    stats_socket: admin.sock\n{keys}")),
        (
            "two sockets for one role",
            format!("{host}  - {{name: web-2, address: 192.0.2.2, stats_socket: /run/a.sock}}\n{keys}"),
        ),
    ];
    let told: Vec<String> =
        files.iter().map(|(name, text)| format!("[{name}]\n{}", read(text).1.expect_err(name))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_entry_is_at_the_virtual_ip_or_the_host_that_has_its_address() {
    let hosts = "hosts:
  - { name: lb-1, address: 192.0.2.1, role: load-balancer, stats_socket: /run/haproxy.sock }
  - { name: lb-2, address: 192.0.2.2, role: load-balancer, stats_socket: /run/haproxy.sock }
virtual_ips: [{ name: www, address: 192.0.2.9, holders: [lb-2, lb-1] }]
host_keys: ignore
";
    let at = |entry: &str| {
        let inventory = read(&format!("{hosts}{entry}")).1.unwrap();
        let Entry { host, port, url } = inventory.infrastructure.entry;
        (host, port, url.map(|url| url.to_string()))
    };
    let url = |text: &str| Some(text.to_string());
    assert_eq!(at("entry: http://192.0.2.9"), ("www".into(), 80, url("http://192.0.2.9")));
    assert_eq!(at("entry: http://192.0.2.2:8080"), ("lb-2".into(), 8080, url("http://192.0.2.2:8080")));
    let named = "entry: https://www.example.org\n";
    assert_eq!(at(named), (String::new(), 443, url("https://www.example.org")), "only the DNS knows who has it");
    assert_eq!(at(&format!("{named}entry_at: www\n")).0, "www");
    assert_eq!(at(""), (String::new(), 0, None));
    let site = read(hosts).1.unwrap();
    assert_eq!(site.infrastructure.virtual_ips[0].holders, ["lb-1", "lb-2"]);
    let role = &site.infrastructure.roles["load-balancer"];
    assert_eq!(
        (role.noun.as_str(), role.stats_socket.as_deref()),
        ("load balancer", Some(Path::new("/run/haproxy.sock")))
    );
}

#[tokio::test]
async fn what_was_not_opted_in_is_refused() {
    let (folder, cloud) = cloud(
        "hosts: [{name: web-1, address: 127.0.0.1, port: 1, power: {stop: [touch, touched]}}]\nhost_keys: ignore\n",
    );
    let refused = cloud.power(&id("web-1"), PowerOp::Stop).await;
    assert!(matches!(refused, Err(ProviderError::NotAllowed(_))));
    let instance = cloud.list().await.unwrap().remove(0);
    assert_eq!(instance.state, PowerState::Stopped);
    assert!(matches!(cloud.connect(&instance).await, Err(ProviderError::NotAllowed(_))));
    assert!(!folder.path().join("touched").exists());
}

#[tokio::test]
async fn a_server_is_running_while_its_port_accepts_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_folder, cloud) = cloud(&format!(
        "hosts: [{{name: web-1, address: 127.0.0.1, port: {port}, attack: allowed, power: {{terminate: [\"true\"]}}}}]\n\
         host_keys: ignore\n"
    ));
    assert_eq!(cloud.list().await.unwrap()[0].state, PowerState::Running);
    cloud.power(&id("web-1"), PowerOp::Terminate).await.unwrap();
    assert_eq!(cloud.list().await.unwrap()[0].state, PowerState::Running, "a command's word is not believed");
    let before_us = crate::clock::monotonic_us();
    drop(listener);
    let instance = cloud.measured(&id("web-1")).await.unwrap();
    assert_eq!(instance.state, PowerState::Terminated);
    let (changed, now_us) = (instance.changed.expect("it answered before"), crate::clock::monotonic_us());
    assert!(changed.since_us <= before_us && before_us <= changed.by_us, "{changed:?} and {before_us}");
    assert!(
        changed.by_us < now_us - 1_000_000,
        "{changed:?}: when it was first seen, not when it was confirmed at {now_us}"
    );
    let _again = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(cloud.measured(&id("web-1")).await.unwrap().state, PowerState::Running);
}

const POWERFUL: &str = "hosts:\n  - name: web-1\n    address: 127.0.0.1\n    port: 1\n    attack: allowed\n    power:\n      \
                        stop: [touch, \"$(hostname); 'x'\"]\n      freeze: [touch, frozen]\n      thaw: [rm, frozen]\n      \
                        soft_reboot: [sh, -c, \"echo no such machine >&2; exit 3\"]\nhost_keys: ignore\n";

#[tokio::test]
async fn power_is_switched_by_the_declared_command_and_no_shell() {
    let (folder, cloud) = cloud(POWERFUL);
    cloud.power(&id("web-1"), PowerOp::Stop).await.unwrap();
    assert!(folder.path().join("$(hostname); 'x'").exists());
    let failed = cloud.power(&id("web-1"), PowerOp::SoftReboot).await.expect_err("status 3").to_string();
    assert!(failed.contains("exit status: 3: no such machine"), "{failed}");
    let undeclared = cloud.power(&id("web-1"), PowerOp::Terminate).await.expect_err("no command").to_string();
    assert!(undeclared.contains("power: { terminate: ["), "{undeclared}");
    let undoable = cloud.power_leased(&id("web-1"), PowerOp::Stop, Duration::from_secs(1)).await;
    assert!(matches!(undoable, Err(ProviderError::NoCommand { .. })), "there is no `start` that would undo it");
}

#[tokio::test]
async fn a_leased_freeze_ends_by_itself_unless_renewed_or_called_off() {
    let (folder, cloud) = cloud(POWERFUL);
    let frozen = folder.path().join("frozen");
    let begun = Instant::now();
    cloud.power_leased(&id("web-1"), PowerOp::Freeze, Duration::from_secs(2)).await.unwrap();
    assert!(frozen.exists());
    cloud.renew(&id("web-1"), Plug::Power).await.unwrap();
    drop(cloud);
    while frozen.exists() && begun.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!frozen.exists() && begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_thaw_calls_the_watchdog_off() {
    let (folder, cloud) = cloud(POWERFUL);
    cloud.power_leased(&id("web-1"), PowerOp::Freeze, Duration::from_secs(60)).await.unwrap();
    cloud.power(&id("web-1"), PowerOp::Thaw).await.unwrap();
    assert!(!folder.path().join("frozen").exists());
    assert!(cloud.renew(&id("web-1"), Plug::Power).await.is_err(), "nothing is held any more");
}

#[tokio::test]
async fn a_thaw_or_a_freeze_of_another_process_calls_the_watchdog_off() {
    let (folder, killed) = cloud(POWERFUL);
    let again = || {
        let read = file::read(&folder.path().join("hosts.yaml")).unwrap();
        InventoryCloud::new(read, Passwords::default(), Route::Direct)
    };
    let long = Duration::from_secs(600);
    killed.power_leased(&id("web-1"), PowerOp::Freeze, long).await.unwrap();
    again().power(&id("web-1"), PowerOp::Thaw).await.unwrap();
    assert!(killed.renew(&id("web-1"), Plug::Power).await.is_err(), "what was healed is under no lease");
    killed.power_leased(&id("web-1"), PowerOp::Freeze, long).await.unwrap();
    let next = again();
    next.power_leased(&id("web-1"), PowerOp::Freeze, long).await.unwrap();
    assert!(killed.renew(&id("web-1"), Plug::Power).await.is_err(), "the old lease must not end the new fault");
    next.renew(&id("web-1"), Plug::Power).await.unwrap();
    next.power(&id("web-1"), PowerOp::Thaw).await.unwrap();
}

#[tokio::test]
async fn what_the_provider_froze_is_frozen_until_a_process_answers_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_folder, cloud) = cloud(&format!(
        "hosts: [{{name: web-1, address: 127.0.0.1, port: {port}, attack: allowed, power: {{freeze: [\"true\"], \
         thaw: [\"true\"]}}}}]\nhost_keys: ignore\n"
    ));
    cloud.power_leased(&id("web-1"), PowerOp::Freeze, Duration::from_secs(60)).await.unwrap();
    assert_eq!(cloud.list().await.unwrap()[0].state, PowerState::Frozen, "its kernel accepts, and no process answers");
    std::thread::spawn(move || {
        while let Ok((mut connection, _)) = listener.accept() {
            let _ = std::io::Write::write_all(&mut connection, b"SSH-2.0-test\r\n");
        }
    });
    assert_eq!(cloud.list().await.unwrap()[0].state, PowerState::Running, "a command's word is not believed");
    cloud.power(&id("web-1"), PowerOp::Thaw).await.unwrap();
    assert_eq!(cloud.list().await.unwrap()[0].state, PowerState::Running);
}

#[test]
fn every_fault_is_refused_beforehand_where_a_command_of_it_is_missing() {
    let all = PowerOp::ALL.map(PowerOp::word);
    for left_out in 0..=all.len() {
        let declared: Vec<&str> =
            (0..all.len()).filter(|number| *number != left_out).map(|number| all[number]).collect();
        let power: Vec<String> = declared.iter().map(|word| format!("{word}: [\"true\"]")).collect();
        let (_folder, cloud) = cloud(&format!(
            "hosts:\n- {{name: web-1, address: 192.0.2.1, key: key, attack: allowed, power: {{{}}}}}\nhost_keys: ignore\n",
            power.join(", ")
        ));
        for fault in crate::fault::FAULTS {
            let target = crate::fault::FaultTarget { server: "web-1", peers: &[], services: &[] };
            let strike = fault.strike(&target, &crate::plan::Parameters::default());
            let missing = |ability: &Ability| match ability {
                Ability::Power(op) => !declared.contains(&op.word()),
                Ability::Boot | Ability::LogIn | Ability::Network => false,
            };
            let lacks = strike.abilities().iter().any(missing);
            match cloud.can("web-1", &strike.abilities()) {
                Ok(()) => assert!(!lacks, "{} was accepted without {:?}", fault.name(), all.get(left_out)),
                Err(why) => {
                    assert!(lacks, "{}: {why}", fault.name());
                    let told = format!("hosts.yaml:2: `power: {{ {}: [", all[left_out]);
                    assert!(why.to_string().contains(&told), "{why}");
                }
            }
        }
    }
}

#[test]
fn who_can_t_be_logged_in_to_or_booted_is_known_beforehand() {
    let (_folder, cloud) = cloud("hosts: [{name: web-1, address: 192.0.2.1, attack: allowed}]\nhost_keys: ignore\n");
    let why = cloud.can("web-1", &[Ability::LogIn].into()).unwrap_err().to_string();
    assert!(why.contains("hosts.yaml:1: web-1 (192.0.2.1): `web-1` has no password and no `key`: "), "{why}");
    assert!(why.contains("ssh-add"), "{why}");
    let why = cloud.can("web-1", &[Ability::Boot].into()).unwrap_err().to_string();
    assert!(why.contains("can't boot it"), "{why}");
}
