//! `ssh_config` says the same as for ssh, whose `-G` prints what applies to a host.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anarcho_chimp::inventory::file;
use anarcho_chimp::inventory::ssh_config::{Options, SshConfig};

use crate::servers::{cloud, output, remote, unreached};
use crate::sshd::{Sshd, authorized};
use crate::support::Folder;

const CONFIG: &str = include_str!("../fuzz/corpus/ssh_config/hosts");

/// What ssh says, by keyword.
fn as_ssh(config: &Path, alias: &str) -> BTreeMap<String, Vec<String>> {
    let output = Command::new("ssh").arg("-G").arg("-F").arg(config).arg(alias).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        said.entry(keyword.into()).or_default().push(value.into());
    }
    said
}

fn as_here(options: &Options, alias: &str) -> BTreeMap<&'static str, Vec<String>> {
    let value = |found: &Option<anarcho_chimp::inventory::ssh_config::Located<String>>| {
        found.as_ref().map(|found| found.value.clone())
    };
    let host = value(&options.host_name).unwrap_or_else(|| alias.into()).replace("%h", alias);
    // ssh prints it in lower case.
    let host = host.to_ascii_lowercase();
    let mut said = BTreeMap::from([("hostname", vec![host]), ("port", vec![options.port.unwrap_or(22).to_string()])]);
    said.insert("identityfile", options.identity_files.iter().map(|found| found.value.clone()).collect());
    said.extend(value(&options.user).map(|user| ("user", vec![user])));
    said.extend(value(&options.proxy_jump).filter(|jump| jump != "none").map(|jump| ("proxyjump", vec![jump])));
    said
}

pub fn it_says_of_a_host_what_ssh_says() {
    let folder = Folder::new("inventory-ssh-config");
    let path = folder.write("config", CONFIG);
    let config = SshConfig::read(&path).unwrap();
    for alias in ["web-1", "web-2", "web-9", "db", "d", "dx", "bastion", "192.0.2.7", "WEB-1"] {
        let (ssh, here) = (as_ssh(&path, alias), as_here(&config.of(alias).unwrap(), alias));
        for (keyword, values) in &here {
            assert_eq!(ssh.get(*keyword), Some(values), "{keyword} of {alias}");
        }
        assert_eq!(ssh.contains_key("proxyjump"), here.contains_key("proxyjump"), "{alias}");
    }
}

#[tokio::main]
pub async fn it_fills_in_what_an_inventory_leaves_out_and_the_inventory_wins() {
    let folder = Folder::new("inventory-ssh-config-used");
    let user = authorized(&folder, "user", "");
    let jump = Sshd::start(&folder, "bastion", "", "127.0.0.1 inner.test\n");
    let web = Sshd::start(&folder, "web", "", "");
    let config = format!(
        "Host web\n  HostName inner.test\n  Port {}\n  User nobody\n  ProxyJump hop:{}\nHost hop\n  HostName 127.0.0.1\n  Port 1\n\
         Host *\n  IdentityFile /nowhere/%h\n  IdentityFile {}\n",
        web.port,
        jump.port,
        user.display()
    );
    folder.write("config", &config);
    folder.write("known", &(jump.known_as("127.0.0.1") + &web.known_as("inner.test")));
    let text = "hosts:\n  - { name: web-1, address: web, user: root, attack: allowed }\nknown_hosts: known\nssh_config: config\n";
    let cloud = cloud(&folder, text, None);
    assert_eq!(unreached(&cloud).await, "");
    assert_eq!(output(&*remote(&cloud, "web-1").await, "id -un").await, "root");
    let host = &file::read(&folder.path().join("inventory.yaml")).unwrap().hosts["web-1"];
    assert_eq!((host.ssh.user.as_str(), host.jump.as_ref().unwrap().endpoint.port), ("root", jump.port));
}
