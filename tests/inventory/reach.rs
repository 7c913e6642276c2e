//! What is refused before an attack touches anything: each server that can't be used, with the reason, all at once.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anarcho_chimp::inventory::InventoryCloud;

use crate::servers::{cloud, instance, unreached};
use crate::sshd::{Sshd, authorized, key, knowing};
use crate::support::{Folder, run, stderr};

/// A port at which connections are neither accepted nor refused, as where a host is off: the queue of the listener is full.
fn full() -> (TcpListener, Vec<TcpStream>) {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, socket};
    let listener = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(std::os::fd::AsRawFd::as_raw_fd(&listener), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connection) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(connection);
    }
    (listener, waiting)
}

#[tokio::main]
pub async fn every_server_that_can_t_be_used_is_told_with_its_reason() {
    let folder = Folder::new("inventory-reach");
    authorized(&folder, "user", "");
    key(&folder.path().join("stranger"), "");
    let sshd = Sshd::start(&folder, "web", "PasswordAuthentication no\nKbdInteractiveAuthentication no", "");
    let (closed, silent, web) = (
        TcpListener::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
    );
    let ports = [&closed, &silent, &web].map(|listener| listener.local_addr().unwrap().port());
    drop(closed);
    std::thread::spawn(move || {
        let (mut connection, _) = web.accept().unwrap();
        let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let (full, _waiting) = full();
    let port = sshd.port;
    let host = |name: &str, port: u16, rest: &str| {
        format!("  - {{ name: {name}, address: 127.0.0.1, port: {port}, attack: allowed, {rest} }}\n")
    };
    let text = format!(
        "hosts:\n{}{}{}{}{}host_keys: ignore\n",
        host("fine", port, "key: user"),
        host("closed", ports[0], "key: user"),
        host("silent", ports[1], "key: user"),
        host("http", ports[2], "key: user"),
        host("full", full.local_addr().unwrap().port(), "key: user"),
    );
    let why = unreached(&cloud(&folder, &text, None)).await;
    let (helps, lines): (Vec<&str>, Vec<&str>) = why.lines().partition(|line| line.starts_with("  help: "));
    assert_eq!((lines.len(), helps.len()), (4, 4), "{why}");
    let told = |start: &str, detail: &str| lines.iter().any(|line| line.contains(start) && line.contains(detail));
    assert!(told("inventory.yaml:3: closed (127.0.0.1): ", &format!("port {}: Connection refused", ports[0])), "{why}");
    assert!(
        told("inventory.yaml:4: silent (127.0.0.1): ", "accepts connections, but no SSH server answers there"),
        "{why}"
    );
    assert!(told("inventory.yaml:6: full (127.0.0.1): ", ": connection timed out"), "{why}");
    assert!(told("inventory.yaml:5: http (127.0.0.1): ", "is not an SSH server's"), "{why}");

    let stranger = format!("hosts:\n{}host_keys: ignore\n", host("web-1", port, "key: stranger"));
    let why = unreached(&cloud(&folder, &stranger, None)).await;
    assert!(
        why.contains("the key was not accepted for user root") && why.ends_with("the server accepts publickey"),
        "{why}"
    );
    let admin = format!("hosts:\n{}host_keys: ignore\n", host("web-1", port, "key: user, user: admin"));
    let why = unreached(&cloud(&folder, &admin, None)).await;
    assert!(why.contains("user admin is not root there (user id 65534)"), "{why}");
}

#[tokio::main]
pub async fn a_wrong_host_key_is_told_with_both_fingerprints_and_the_line() {
    let folder = Folder::new("inventory-wrong-key");
    authorized(&folder, "user", "");
    let (sshd, other) = (Sshd::start(&folder, "web", "", ""), Sshd::start(&folder, "other", "", ""));
    let of_other = other.known_as("127.0.0.1").replace(&other.port.to_string(), &sshd.port.to_string());
    let text = |address: &str| {
        let port = sshd.port;
        format!(
            "hosts:\n  - {{ name: web-1, address: {address}, port: {port}, key: user, attack: allowed }}\nknown_hosts: known\n"
        )
    };
    let refused = async |address: &str, known: &str| {
        folder.write("known", known);
        unreached(&cloud(&folder, &text(address), None)).await
    };
    let why = refused("127.0.0.1", &format!("# ours\n{of_other}")).await;
    assert!(why.contains("known:2 has for 127.0.0.1"), "{why}");
    assert!(why.contains(&format!("expected {}, found {}", other.fingerprint(), sshd.fingerprint())), "{why}");

    let by_name = sshd.known_as("localhost");
    assert_eq!(refused("localhost", &by_name).await, "");
    let seen = instance(&cloud(&folder, &text("localhost"), None), "web-1").await;
    assert!(seen.evidence.ends_with("(localhost is 127.0.0.1)"), "{}", seen.evidence);
    let by_address = sshd.known_as("127.0.0.1");
    assert!(refused("localhost", &by_address).await.contains("has no key for localhost"), "a name is known by itself");
    let why = refused("localhost", &(by_name + &of_other)).await;
    assert!(why.contains("known:2 has for 127.0.0.1"), "its address contradicts it: {why}");
}

/// Attacks the one server of an inventory, which is called so, where these names are known.
fn attacked(folder: &Folder, hosts: &str, address: &str, port: u16) -> (Option<i32>, String) {
    let text = format!(
        "hosts:\n  - {{ name: web-1, address: {address}, port: {port}, key: user, attack: allowed }}\nhost_keys: ignore\n"
    );
    let (inventory, out) = (folder.write("inventory.yaml", &text), folder.path().join("reports"));
    let mut command = knowing(hosts, folder, Path::new(env!("CARGO_BIN_EXE_chimp")));
    command
        .args(["attack", "network", "--for", "1s", "--seed", "1", "--on"])
        .arg(format!("inventory={}", inventory.display()))
        .arg("--out")
        .arg(&out);
    let output = run(&mut command);
    assert!(!out.exists(), "something was begun");
    (output.status.code(), stderr(&output))
}

pub fn a_name_that_does_not_lead_to_one_machine_is_refused_before_an_attack() {
    let folder = Folder::new("inventory-names");
    authorized(&folder, "user", "");
    for (hosts, told) in [
        ("", "the name `inner.test` can't be looked up"),
        ("192.0.2.1 inner.test\n192.0.2.2 inner.test\n", "several IPv4 addresses (192.0.2.1, 192.0.2.2)"),
        ("0.0.0.0 inner.test\n", "leads to 0.0.0.0, which is not the address of one host"),
        ("2001:db8::1 inner.test\n", "has IPv6 addresses only"),
    ] {
        let (code, why) = attacked(&folder, hosts, "inner.test", 22);
        assert!(why.contains("inventory.yaml:2: web-1 (inner.test): ") && why.contains(told), "{why}");
        assert_eq!((code, why.lines().count()), (Some(3), 1), "{why}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (code, why) = attacked(&folder, "127.0.0.1 inner.test\n", "inner.test", closed);
    assert!(code == Some(3) && why.contains(&format!("port {closed}: Connection refused")), "{why}");
}

/// Names that this thread, and those that it starts, look up.
fn know(hosts: &Path) {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS).unwrap();
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
    mount(Some(hosts), "/etc/hosts", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}

async fn a_changed_name_is_not_followed(folder: &Folder) {
    let text = "hosts: [{ name: web-1, address: inner.test, attack: allowed }]\nhost_keys: ignore\n";
    let address = async |cloud: &InventoryCloud| cloud.addresses().await.unwrap()["web-1"].to_string();
    let before = cloud(folder, text, None);
    assert_eq!(address(&before).await, "192.0.2.1");
    folder.write("hosts", "192.0.2.2 inner.test\n");
    assert_eq!((address(&before).await, address(&before.again()).await), ("192.0.2.1".into(), "192.0.2.1".into()));
    assert_eq!(address(&cloud(folder, text, None)).await, "192.0.2.2");
}

pub fn a_name_is_looked_up_once_and_its_address_is_kept() {
    let folder = Folder::new("inventory-kept-name");
    let hosts = folder.write("hosts", "192.0.2.1 inner.test\n");
    let apart = move || {
        know(&hosts);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(a_changed_name_is_not_followed(&folder));
    };
    std::thread::spawn(apart).join().unwrap();
}
