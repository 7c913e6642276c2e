//! Servers behind a jump host.

use std::fs;
use std::time::{Duration, Instant};

use anarcho_chimp::instance::{FileContent, FileSpec, PowerState};
use anarcho_chimp::provider::Provider;

use crate::servers::{cloud, instance, output, remote, unreached};
use crate::sshd::{Sshd, authorized, key};
use crate::support::Folder;

/// How many threads of this process carry connections to this port.
fn carrying(port: u16) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.map(|task| fs::read_to_string(task.path().join("comm")).unwrap_or_default());
    names.filter(|name| name.trim() == format!("jump {port}")).count()
}

fn text(jump: &Sshd, web: &Sshd, address: &str) -> String {
    format!(
        "hosts:\n  - {{ name: bastion, address: 127.0.0.1, port: {}, key: user }}\n  \
         - {{ name: web-1, address: {address}, port: {}, key: user, jump: bastion, attack: allowed }}\nknown_hosts: known\n",
        jump.port, web.port
    )
}

#[tokio::main]
pub async fn a_server_behind_a_jump_host_is_reached_by_the_name_that_the_jump_host_knows() {
    let folder = Folder::new("inventory-jump");
    authorized(&folder, "user", "");
    let jump = Sshd::start(&folder, "bastion", "", "127.0.0.1 inner.test\n");
    let web = Sshd::start(&folder, "web", "MaxSessions 1", "");
    folder.write("known", &(jump.known_as("127.0.0.1") + &web.known_as("inner.test")));
    let cloud = cloud(&folder, &text(&jump, &web, "inner.test"), None);
    assert_eq!(unreached(&cloud).await, "");
    let seen = instance(&cloud, "web-1").await;
    assert_eq!(seen.state, PowerState::Running);
    assert!(seen.evidence.ends_with("accepts connections (inner.test is 127.0.0.1)"), "{}", seen.evidence);

    let remote = remote(&cloud, "web-1").await;
    let each = (0..8).map(|number| output(&*remote, Box::leak(format!("sleep 0.1; echo {number}").into_boxed_str())));
    assert_eq!(futures::future::join_all(each).await, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    let bytes: Vec<u8> =
        (0..3_000_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let path = folder.path().join("uploaded");
    let file = FileSpec { path: path.clone(), content: FileContent::Bytes(bytes.clone()), mode: 0o600 };
    remote.upload(&file).await.unwrap();
    assert!(fs::read(&path).unwrap() == bytes, "what came is not what was sent");
    assert_eq!(output(&*remote, "head -c 3000000 /dev/zero | tr '\\0' x").await.len(), 3_000_000);

    assert!(carrying(web.port) > 0, "no thread carries the connection");
    drop((remote, cloud));
    let started = Instant::now();
    while carrying(web.port) > 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "a thread is left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::main]
pub async fn a_session_to_a_jump_host_is_used_again() {
    let folder = Folder::new("inventory-jump-again");
    authorized(&folder, "user", "");
    let jump = Sshd::start(&folder, "bastion", "LogLevel VERBOSE", "");
    let web = Sshd::start(&folder, "web", "", "");
    folder.write("known", &(jump.known_as("127.0.0.1") + &web.known_as("127.0.0.1")));
    let cloud = cloud(&folder, &text(&jump, &web, "127.0.0.1"), None);
    for _ in 0..10 {
        assert_eq!(instance(&cloud, "web-1").await.state, PowerState::Running);
    }
    let logins = jump.log().matches("Accepted publickey").count();
    assert!((1..10).contains(&logins), "{logins} logins for 10 looks");
    drop(web);
    assert_eq!(instance(&cloud, "web-1").await.state, PowerState::Stopped, "the jump host is refused there");
}

#[tokio::main]
pub async fn a_jump_host_that_refuses_is_one_error_that_names_it_and_the_server() {
    let folder = Folder::new("inventory-jump-refuses");
    authorized(&folder, "user", "");
    key(&folder.path().join("stranger"), "");
    let web = Sshd::start(&folder, "web", "", "");
    for (name, settings, user, told) in [
        ("forbidden", "AllowTcpForwarding no", "user", "does not forward a connection to 127.0.0.1:"),
        ("elsewhere", "PermitOpen 192.0.2.1:22", "user", "(`AllowTcpForwarding`, `PermitOpen`)"),
        ("login", "", "stranger", "the key was not accepted for user root"),
        (
            "methods",
            "PasswordAuthentication no\nKbdInteractiveAuthentication no",
            "stranger",
            "the server accepts publickey",
        ),
    ] {
        let jump = Sshd::start(&folder, name, settings, "");
        folder.write("known", &(jump.known_as("127.0.0.1") + &web.known_as("127.0.0.1")));
        let text = text(&jump, &web, "127.0.0.1").replacen("key: user", &format!("key: {user}"), 1);
        let cloud = cloud(&folder, &text, None);
        let why = unreached(&cloud).await;
        let start = format!(
            "{}/inventory.yaml:3: web-1 (127.0.0.1): the jump host `bastion` (127.0.0.1)",
            folder.path().display()
        );
        assert!(
            why.starts_with(&start) && why.contains(told) && why.contains(&format!("127.0.0.1:{}", web.port)),
            "{why}"
        );
        assert_eq!(why.lines().count(), 1, "{why}");
        let listed = cloud.list().await.expect_err("nothing is known of the server").to_string();
        assert!(listed.contains("the jump host `bastion`"), "{listed}");
    }
}

#[tokio::main]
pub async fn the_host_key_of_a_jump_host_is_checked_and_its_end_is_told() {
    let folder = Folder::new("inventory-jump-key");
    authorized(&folder, "user", "");
    let web = Sshd::start(&folder, "web", "", "");
    let jump = Sshd::start(&folder, "bastion", "", "");
    let another = web.known_as("127.0.0.1").replace(&web.port.to_string(), &jump.port.to_string());
    folder.write("known", &(another + &web.known_as("127.0.0.1")));
    let why = unreached(&cloud(&folder, &text(&jump, &web, "127.0.0.1"), None)).await;
    assert!(why.contains("the jump host `bastion` (127.0.0.1)") && why.contains("is it another machine?"), "{why}");

    folder.write("known", &(jump.known_as("127.0.0.1") + &web.known_as("127.0.0.1")));
    let cloud = cloud(&folder, &text(&jump, &web, "127.0.0.1"), None);
    assert_eq!(unreached(&cloud).await, "");
    drop(jump);
    let why = unreached(&cloud).await;
    assert!(!why.is_empty() && why.contains("web-1"), "{why}");
    assert!(cloud.list().await.expect_err("it is gone").to_string().contains("the jump host `bastion`"));
}
