//! A testbed's servers, attacked from this process, which is in no sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anarcho_chimp::attack::execute::{self, Field, Options};
use anarcho_chimp::attack::{self, AttackPlan, Round};
use anarcho_chimp::environment::Ended;
use anarcho_chimp::environment::inventory::Inventory;
use anarcho_chimp::instance::{Command, FileContent, FileSpec, Instance, Plug, PowerOp, PowerState};
use anarcho_chimp::inventory::{InventoryCloud, file};
use anarcho_chimp::nemesis::Sabotage;
use anarcho_chimp::plan::Parameters;
use anarcho_chimp::provider::passwords::Passwords;
use anarcho_chimp::provider::ssh::Route;
use anarcho_chimp::provider::{Provider, ProviderError, Remote};
use anarcho_chimp::settings::Safeguards;
use anarcho_chimp::testbed::protocol::Request;

use crate::kept::{LIMIT, Up, instance};
use crate::support::{Folder, chimp, over, run, stderr, stdout};

/// A path that is cut looks so after this.
const SHORT: Duration = Duration::from_millis(500);

async fn output(remote: &dyn Remote, argv: &[&str]) -> String {
    let mut command = Command::new(argv.iter().copied());
    command.timeout = LIMIT;
    let output = remote.exec(&command).await.unwrap();
    assert_eq!(output.status, Some(0), "{argv:?}: {}", output.stderr);
    output.stdout.trim().to_string()
}

async fn becomes(cloud: &impl Provider, name: &str, state: PowerState) -> Instance {
    let begun = Instant::now();
    loop {
        let found = instance(cloud, name).await;
        if found.state == state {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{name} is {} ({}), not {state}", found.state, found.evidence);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::main]
pub async fn its_servers_answer_over_connections_that_the_testbed_dials() {
    let up = Up::start("testbed-dials", &[]);
    let cloud = up.cloud();
    for name in ["web-1", "web-2"] {
        let remote = cloud.connect(&instance(&cloud, name).await).await.unwrap();
        remote.knock(LIMIT).await.unwrap();
        assert_eq!(output(&*remote, &["hostname"]).await, name);
        assert_eq!(output(&*remote, &["printf", "%s", "a; $(b) 'c'"]).await, "a; $(b) 'c'");
    }
    let unknown = cloud.power(&anarcho_chimp::instance::InstanceId("web-9.1".into()), PowerOp::Stop).await;
    assert!(unknown.expect_err("there is no such server").to_string().contains("no instance `web-9.1`"));
    let refused = up.testbed().tell(&Request::Sever { server: "web-1".into() }).expect_err("it was not started so");
    assert!(refused.to_string().contains("only for tests"), "{refused}");
}

#[tokio::main]
pub async fn a_frozen_server_thaws_when_its_lease_is_over_and_its_attacker_gone() {
    let up = Up::start("testbed-leases", &[]);
    let cloud = up.cloud();
    let web = instance(&cloud, "web-1").await.id;
    let lease = Duration::from_secs(2);
    let begun = Instant::now();
    cloud.power_leased(&web, PowerOp::Freeze, lease).await.unwrap();
    assert_eq!(instance(&cloud, "web-1").await.state, PowerState::Frozen);
    cloud.renew(&web, Plug::Power).await.unwrap();
    drop(cloud);
    let cloud = up.cloud();
    becomes(&cloud, "web-1", PowerState::Running).await;
    assert!(begun.elapsed() >= lease);
    assert!(cloud.renew(&web, Plug::Power).await.is_err(), "the lease is over");

    cloud.power_leased(&web, PowerOp::Stop, lease).await.unwrap();
    assert_eq!(instance(&cloud, "web-1").await.state, PowerState::Stopped);
    becomes(&cloud, "web-1", PowerState::Running).await;
    cloud.power(&web, PowerOp::Terminate).await.unwrap();
    assert_eq!(instance(&cloud, "web-1").await.state, PowerState::Terminated);
}

#[tokio::main]
pub async fn a_cut_path_is_seen_and_restored() {
    let up = Up::start("testbed-severs", &["--for-tests"]);
    let cloud = up.cloud();
    let (web, other) = (instance(&cloud, "web-1").await, instance(&cloud, "web-2").await);
    let (remote, other) = (cloud.connect(&web).await.unwrap(), cloud.connect(&other).await.unwrap());
    assert_eq!(output(&*remote, &["hostname"]).await, "web-1");
    for _ in 0..2 {
        up.testbed().tell(&Request::Sever { server: "web-1".into() }).unwrap();
    }
    remote.knock(SHORT).await.expect_err("the path is cut");
    let mut command = Command::new(["true"]);
    command.timeout = SHORT;
    remote.exec(&command).await.expect_err("open sessions are cut too");
    other.knock(LIMIT).await.unwrap();
    for _ in 0..2 {
        up.testbed().tell(&Request::Restore { server: "web-1".into() }).unwrap();
    }
    remote.knock(LIMIT).await.unwrap();
    assert_eq!(output(&*remote, &["hostname"]).await, "web-1");
    assert!(up.testbed().tell(&Request::Sever { server: "web-9".into() }).is_err());
}

const PASSWORD: &str = "it's $(hostname); \"quoted\"";

/// Lets root log in with a password, as a machine of somebody's might.
pub async fn open_to_passwords(remote: &dyn Remote, password: &str) {
    let hash = output(remote, &["openssl", "passwd", "-6", password]).await;
    output(remote, &["usermod", "-p", &hash, "root"]).await;
    let text = "HostKey /etc/ssh/host_key\nAuthorizedKeysFile /etc/ssh/authorized_keys\nPermitRootLogin yes\n\
                PasswordAuthentication yes\nUsePAM no\nUseDNS no\nPidFile none\n";
    let content = FileContent::Text(text.into());
    remote.upload(&FileSpec { path: "/etc/ssh/sshd_config".into(), content, mode: 0o644 }).await.unwrap();
}

/// The same known hosts with their names hashed, as many machines keep them.
fn hashed(up: &Up, known: &str) -> String {
    let file = up.folder.write("hashed", known);
    let done = std::process::Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file).output().unwrap();
    assert!(done.status.success());
    let text = fs::read_to_string(file).unwrap();
    assert!(text.starts_with("|1|"), "{text}");
    text
}

fn inventory(up: &Up, known_hosts: &str, password: &str) -> InventoryCloud {
    up.folder.write("known_hosts", known_hosts);
    let text = "hosts:\n  - { name: web-1, address: 198.18.0.2, role: webserver, attack: allowed }\n  \
                - { name: web-2, address: 198.18.0.3 }\nknown_hosts: known_hosts\n";
    let inventory = file::read(&up.folder.write("inventory.yaml", text)).unwrap();
    let passwords = up.folder.write("passwords.json", &serde_json::json!({ "web-1": password }).to_string());
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600)).unwrap();
    let servers = inventory.infrastructure.servers.keys().cloned().collect();
    let passwords = Passwords::read(&passwords, &servers).unwrap();
    InventoryCloud::new(inventory, passwords, Route::Dialled(Arc::new(up.testbed())))
}

#[tokio::main]
pub async fn an_inventory_logs_in_with_a_password_to_hosts_it_knows() {
    let up = Up::start("testbed-inventory", &[]);
    let kept = up.cloud();
    let remote = kept.connect(&instance(&kept, "web-1").await).await.unwrap();
    open_to_passwords(&*remote, PASSWORD).await;
    let key = output(&*remote, &["ssh-keygen", "-y", "-f", "/etc/ssh/host_key"]).await;
    let known = format!("198.18.0.2 {key}\n");

    let cloud = inventory(&up, &known, PASSWORD);
    let (web, forbidden) = (instance(&cloud, "web-1").await, instance(&cloud, "web-2").await);
    assert_eq!((web.state, forbidden.state), (PowerState::Running, PowerState::Running));
    assert!(matches!(cloud.connect(&forbidden).await, Err(ProviderError::NotAllowed(_))));
    assert_eq!(output(&*cloud.connect(&web).await.unwrap(), &["hostname"]).await, "web-1");
    let cloud = inventory(&up, &hashed(&up, &known), PASSWORD);
    assert_eq!(output(&*cloud.connect(&web).await.unwrap(), &["hostname"]).await, "web-1");

    let tried = async |known: &str, password: &str| {
        let cloud = inventory(&up, known, password);
        let remote = cloud.connect(&web).await.unwrap();
        remote.exec(&Command::new(["true"])).await.expect_err("it must not get in").to_string()
    };
    let wrong = tried(&known, "guessed").await;
    assert!(wrong.contains("the password was not accepted for user root") && !wrong.contains("guessed"), "{wrong}");
    let another = "198.18.0.2 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS\n";
    assert!(tried(another, PASSWORD).await.contains("is it another machine?"));
    for revoked in ["*", "198.18.0.?", "other,198.18.0.2"] {
        let told = tried(&format!("{known}@revoked {revoked} {key}\n"), PASSWORD).await;
        assert!(told.contains("known_hosts:2") && told.contains("its host key is revoked"), "{told}");
    }
    let authority = tried(&format!("@cert-authority 198.18.0.* {key}\n"), PASSWORD).await;
    assert!(authority.contains("host certificates are not supported"), "{authority}");
    let nobody = tried("198.18.0.9 ssh-ed25519 AAAA\n", PASSWORD).await;
    assert!(nobody.contains("ssh-keyscan 198.18.0.2"), "{nobody}");

    let passwords: Passwords = {
        let servers = kept.kept().infrastructure.servers.keys().cloned().collect();
        Passwords::read(&up.folder.path().join("passwords.json"), &servers).unwrap()
    };
    let kept = up.cloud().with_passwords(passwords);
    let remote = kept.connect(&web).await.unwrap();
    assert_eq!(output(&*remote, &["hostname"]).await, "web-1");
}

/// The key is known, and revoked by a line that names every host.
#[tokio::main]
pub async fn an_attack_on_a_host_whose_key_is_revoked_strikes_nothing() {
    let up = Up::start("testbed-revoked", &[]);
    let kept = up.cloud();
    let remote = kept.connect(&instance(&kept, "web-1").await).await.unwrap();
    open_to_passwords(&*remote, PASSWORD).await;
    let key = output(&*remote, &["ssh-keygen", "-y", "-f", "/etc/ssh/host_key"]).await;
    let before = output(&*remote, &["pgrep", "-x", "nginx"]).await;
    let attacked = async |known: &str| {
        let cloud = inventory(&up, known, PASSWORD);
        let infrastructure = Arc::new(cloud.inventory().infrastructure.clone());
        let place = Inventory::place(&up.folder.path().join("inventory.yaml")).unwrap();
        let field = Field {
            place: place.clone(),
            whereabouts: String::new(),
            addresses: BTreeMap::new(),
            provider: Arc::new(cloud),
            infrastructure,
            ended: Ended::new(),
            closed: Default::default(),
        };
        let mut with = Parameters::default();
        with.process = Some("nginx".into());
        let (fault, servers, why) = ("process-dies".into(), vec!["web-1".into()], "named".into());
        let round = Round { fault, with, servers, from: Vec::new(), why, lasts: None };
        let plan =
            AttackPlan { schema: attack::plan::SCHEMA, seed: 1, place, skipped: Ended::new(), rounds: vec![round] };
        field.check(&plan).unwrap();
        let (safeguards, sabotage) = (Safeguards::default(), Sabotage::default());
        let out = up.folder.path().join("reports");
        execute::execute(&plan, &field, &Options { out, lease: LIMIT, safeguards, sabotage, die_at: None }).await
    };
    let known = format!("198.18.0.2 {key}\n");
    let refused = attacked(&format!("{known}@revoked * {key}\n")).await.expect_err("it is revoked").to_string();
    assert!(refused.contains("its host key is revoked"), "{refused}");
    assert_eq!(output(&*remote, &["pgrep", "-x", "nginx"]).await, before);
    assert!(!up.folder.path().join("reports").exists(), "nothing was begun");

    assert_eq!(attacked(&known).await.unwrap(), 0, "without that line it strikes");
    assert_ne!(output(&*remote, &["sh", "-c", "pgrep -x nginx || true"]).await, before);
}

/// Its plan, its journal and its events have a page each; the fourth, for requests, is not there.
#[tokio::main]
pub async fn a_disk_that_fills_ends_an_attack_and_every_fault_of_it() {
    let up = Up::start("testbed-full-disk", &[]);
    let out = Folder::new("attack-full-disk");
    let mut attack = std::process::Command::new("sh");
    attack.args(["-c", r#""$0" "$@"; code=$?; cat "$OUT"/*/journal.ndjson; exit $code"#, env!("CARGO_BIN_EXE_chimp")]);
    attack.args(["attack", "fault", "hangs", "--server", "web-1", "--for", "60s", "--lease", "60s", "--seed", "1"]);
    attack.arg("--testbed").arg(&up.socket).arg("--out").arg(out.path());
    attack.env("OUT", out.path()).stdin(std::process::Stdio::null());
    let begun = Instant::now();
    let output = over(attack, &out, 12, false).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("No space left on device"), "{}", stderr(&output));
    let web = instance(&up.cloud(), "web-1").await;
    assert_eq!(web.state, PowerState::Running, "{}", web.evidence);
    assert!(stdout(&output).contains(r#""stage":"injected""#), "nothing was struck: {}", stdout(&output));
    assert!(begun.elapsed() < Duration::from_secs(50), "its lease ended it: {:?}", begun.elapsed());
}

#[tokio::main]
pub async fn a_server_that_has_ended_is_not_drawn_and_not_struck() {
    let up = Up::start("testbed-ended", &[]);
    let cloud = up.cloud();
    cloud.power(&instance(&cloud, "web-1").await.id, PowerOp::Terminate).await.unwrap();
    let attack = |words: &[&str]| {
        let mut attack = chimp(&[&["attack"], words].concat());
        run(attack.arg("--testbed").arg(&up.socket).arg("--out").arg(up.folder.path().join("reports")))
    };
    for seed in ["1", "2", "3", "4", "5"] {
        let planned = attack(&["random", "--dry-run", "--seed", seed]);
        let told = stdout(&planned);
        assert_eq!(planned.status.code(), Some(0), "{told}{}", stderr(&planned));
        assert!(told.contains("skipped: web-1, which has ended (terminated)"), "{told}");
        assert!(told.contains("1. web-2: dies") && told.contains("1 drawn of 1"), "{told}");
    }
    let too_many = attack(&["random", "--dry-run", "--count", "2"]);
    assert_eq!(too_many.status.code(), Some(2));
    assert!(stderr(&too_many).contains("1 of 2 are left; these have ended: web-1 (terminated)"), "{too_many:?}");
    for dry in [&[][..], &["--dry-run"]] {
        let named = attack(&[&["fault", "hangs", "--server", "web-1", "--for", "1s"], dry].concat());
        assert_eq!(named.status.code(), Some(3), "{named:?}");
        assert!(stderr(&named).contains("web-1 has ended (terminated): nothing was touched"), "{named:?}");
    }
    assert!(!up.folder.path().join("reports").exists(), "no attack was begun");
}
