//! How the user proves to be the one: keys, agents, and what is said where neither does.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use anarcho_chimp::instance::Ability;
use anarcho_chimp::inventory::{Key, file};
use anarcho_chimp::provider::Provider;

use crate::servers::{cloud, output, remote, unreached};
use crate::sshd::{SshAgent, Sshd, authorized, key};
use crate::support::Folder;

fn text(sshd: &Sshd, rest: &str) -> String {
    format!(
        "hosts:\n  - {{ name: web-1, address: 127.0.0.1, port: {}, attack: allowed{rest} }}\nhost_keys: ignore\n",
        sshd.port
    )
}

#[tokio::main]
pub async fn an_agent_logs_in_where_there_is_no_key_or_an_encrypted_one() {
    let folder = Folder::new("inventory-agent");
    let sshd = Sshd::start(&folder, "web", "", "");
    let agent = SshAgent::start(&folder);
    let socket = Some(agent.socket.as_path());
    let why = unreached(&cloud(&folder, &text(&sshd, ""), socket)).await;
    assert!(why.contains("holds no key; run: ssh-add"), "{why}");

    key(&folder.path().join("stranger"), "");
    agent.add(&folder, &folder.path().join("stranger"));
    let why = unreached(&cloud(&folder, &text(&sshd, ""), socket)).await;
    assert!(why.contains("no key of the SSH agent at") && why.contains("(tried of-the-test)"), "{why}");

    let encrypted = authorized(&folder, "encrypted", "secret");
    let with_key = text(&sshd, ", key: encrypted");
    let why = unreached(&cloud(&folder, &with_key, socket)).await;
    assert!(why.contains(&format!("does not hold the key {0}; run: ssh-add {0}", encrypted.display())), "{why}");

    agent.add(&folder, &encrypted);
    for rest in ["", ", key: encrypted", ", key: encrypted.pub"] {
        let cloud = cloud(&folder, &text(&sshd, rest), socket);
        assert_eq!(unreached(&cloud).await, "", "{rest}");
        assert_eq!(output(&*remote(&cloud, "web-1").await, "id -u").await, "0");
    }
    let silent = folder.path().join("silent");
    let _silent = UnixListener::bind(&silent).unwrap();
    let why = unreached(&cloud(&folder, &with_key, Some(&silent))).await;
    assert!(why.contains("can't be asked: it does not answer"), "{why}");
    drop(agent);
    let why = unreached(&cloud(&folder, &with_key, Some(&folder.path().join("agent")))).await;
    assert!(why.contains("can't be asked") && why.contains("start it, then run: ssh-add"), "{why}");
}

#[tokio::main]
pub async fn an_encrypted_key_without_an_agent_is_refused_before_anything_is_asked() {
    let folder = Folder::new("inventory-encrypted");
    let path = folder.path().join("encrypted");
    key(&path, "secret");
    let text = "hosts:\n  - { name: web-1, address: 192.0.2.1, key: encrypted, attack: allowed }\nhost_keys: ignore\n";
    let cloud = cloud(&folder, text, None);
    let why = cloud.can("web-1", &[Ability::LogIn].into()).unwrap_err().to_string();
    assert!(why.contains("inventory.yaml:2: web-1 (192.0.2.1): `web-1` has an encrypted key"), "{why}");
    assert!(why.contains("ssh-add") && why.contains(&format!("ssh-keygen -p -f {}", path.display())), "{why}");
}

fn read_key(folder: &Folder, name: &str) -> Result<Key, String> {
    let text = format!("hosts: [{{ name: web-1, address: 192.0.2.1, key: {name} }}]\nhost_keys: ignore\n");
    let inventory = file::read(&folder.write("inventory.yaml", &text)).map_err(|why| why.to_string())?;
    Ok(inventory.hosts["web-1"].ssh.key.clone().unwrap())
}

fn pem(path: &Path) {
    let mut command = std::process::Command::new("ssh-keygen");
    command.args(["-q", "-t", "rsa", "-m", "PEM", "-N", "secret", "-f"]).arg(path);
    assert!(command.status().unwrap().success());
}

pub fn of_an_encrypted_key_the_public_half_is_known_without_the_passphrase() {
    let folder = Folder::new("inventory-keys");
    for (name, passphrase) in [("open", ""), ("encrypted", "secret")] {
        key(&folder.path().join(name), passphrase);
    }
    assert!(matches!(read_key(&folder, "open"), Ok(Key::Private(_))));
    let public = |name: &str| match read_key(&folder, name) {
        Ok(Key::Held { identity, is_encrypted }) => (identity.public, is_encrypted),
        other => panic!("{other:?}"),
    };
    let (known, is_encrypted) = public("encrypted");
    fs::remove_file(folder.path().join("encrypted.pub")).unwrap();
    assert_eq!(public("encrypted"), (known, true));
    assert!(is_encrypted && !public("open.pub").1);

    pem(&folder.path().join("pem"));
    assert!(public("pem").1, "its public half lies beside it");
    fs::remove_file(folder.path().join("pem.pub")).unwrap();
    let why = read_key(&folder, "pem").unwrap_err();
    assert!(
        why.contains("inventory.yaml:1:") && why.contains("is encrypted, and its passphrase is not asked for"),
        "{why}"
    );
    assert!(why.contains("ssh-add") && why.contains("ssh-keygen -p"), "{why}");

    let putty = folder.write("putty", "PuTTY-User-Key-File-3: ssh-ed25519\n");
    fs::set_permissions(putty, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(read_key(&folder, "putty").unwrap_err().contains("puttygen"));
}
