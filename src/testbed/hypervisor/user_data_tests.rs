use super::*;
use crate::infrastructure::file;
use crate::provider::key_pair::KeyPair;
use crate::render::cloud_config::{self, SshKeys};
use crate::render::{Addresses, Secrets, render};
use crate::settings::Settings;

fn asked(text: &str) -> Asked {
    read(text, |_| true).unwrap_or_else(|why| panic!("{why}\n{text}"))
}

fn refused(body: &str) -> String {
    read(&format!("#cloud-config\n{body}"), |name| name != "nowhere").unwrap_err().to_string()
}

/// What a role renders to, in the words that user data has: programs are in the image, what a command makes is a command.
fn as_document(data: &UserData) -> UserData {
    let mut run = Vec::new();
    let mut files = Vec::new();
    for file in &data.files {
        match &file.content {
            FileContent::MadeBy { command, .. } => run.push(command.clone()),
            FileContent::Program(_) => {}
            FileContent::CopyOf(path) => {
                let text = std::fs::read_to_string(path).unwrap();
                files.push(FileSpec { content: FileContent::Text(text), ..file.clone() });
            }
            _ => files.push(file.clone()),
        }
    }
    run.extend(data.run.clone());
    UserData { files, run, ..data.clone() }
}

#[test]
fn what_a_server_is_made_of_is_read_back_from_its_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for site in
        ["infrastructures/figure-1", "infrastructures/paper", "infrastructures/apache", "examples/python-site/site"]
    {
        let site = file::read(&root.join(format!("fixtures/{site}.yaml"))).unwrap();
        let addresses = Addresses::imagined(&site);
        for (name, server) in &site.servers {
            let data = render(&site, &addresses, &Settings::default(), &Secrets::imagined(), name).unwrap();
            let document = cloud_config::document(name, &site.roles[&server.role].packages, &data, None).unwrap();
            let mut asked = asked(&document);
            assert_eq!(asked.hostname.as_deref(), Some(name.as_str()));
            asked.data.files.retain(|file| !file.path.starts_with(UNITS));
            assert_eq!(asked.data, as_document(&data), "{document}");
        }
    }
}

#[test]
fn a_server_that_is_made_with_keys_has_them() {
    let host = KeyPair::make().unwrap();
    let ssh = SshKeys { user: "ssh-ed25519 AAAA chimp", host: &host };
    let asked = asked(&cloud_config::document("web-1", &[], &UserData::default(), Some(ssh)).unwrap());
    let content = FileContent::Text(host.private.reveal().into());
    assert_eq!(asked.authorized_keys, [ssh.user]);
    assert_eq!(asked.data.files, [FileSpec { path: "/etc/ssh/host_key".into(), content, mode: 0o600 }]);
}

#[test]
fn nothing_asks_for_nothing() {
    for text in ["", "\n", "#cloud-config\n", "#cloud-config\n# a comment\n"] {
        assert_eq!(asked(text), Asked::default(), "{text:?}");
    }
}

#[test]
fn a_file_gets_its_bytes_its_owner_and_what_is_appended() {
    let asked = asked(
        "#cloud-config\nwrite_files:\n- {path: /a, content: aGVsbG8=, encoding: b64, permissions: '0600', owner: 'nobody:nogroup'}\n\
         - {path: /b, content: /w==, encoding: base64}\n- {path: /etc/motd, content: more, append: true}\n- {path: /empty}\n",
    );
    let file = |path: &str, content, mode| FileSpec { path: path.into(), content, mode };
    let text = |text: &str| FileContent::Text(text.into());
    let expected = [
        file("/a", text("hello"), 0o600),
        file("/b", FileContent::Bytes(vec![0xff]), 0o644),
        file("/run/appended/2", text("more"), 0o600),
        file("/empty", text(""), 0o644),
    ];
    assert_eq!(asked.data.files, expected);
    assert_eq!(asked.data.run[0], ["chown", "--", "nobody:nogroup", "/a"]);
    assert_eq!(asked.data.run[1][4..], ["/run/appended/2", "/etc/motd", "644"]);
}

#[test]
fn what_cannot_be_carried_out_is_refused_and_named() {
    let head = read("#!/bin/sh\ntrue\n", |_| true).unwrap_err().to_string();
    assert_eq!(head, "it must begin with the line `#cloud-config`, and this is \"#!/bin/sh\"");
    let cases = [
        ("users: [default]\n", "unknown field `users`"),
        ("packages: [nowhere, dash]\n", "not in the image, which is this machine: nowhere"),
        ("write_files: [{path: a}]\n", "a: the path must be absolute"),
        ("write_files: [{path: /a, encoding: gz}]\n", "/a: the encoding `gz` is not understood"),
        ("write_files: [{path: /a, content: '!', encoding: b64}]\n", "/a: the content is not in base64"),
        ("write_files: [{path: /a, permissions: '999'}]\n", "/a: `999` are no permissions"),
        ("write_files: [{path: /a, permissions: 420}]\n", "/a: the permissions 420 are not in quotes"),
        ("runcmd: ['']\n", "runcmd: a command is empty"),
        ("runcmd: [[systemctl, stop, a]]\n", "runcmd: `systemctl stop a`: of systemctl"),
        ("runcmd: [[systemctl, enable, --now, a.service]]\n", "runcmd: a.service is no unit"),
    ];
    for (body, expected) in cases {
        let why = refused(body);
        assert!(why.contains(expected), "{body}: {why}");
    }
    let unit = "write_files:\n- {path: /etc/systemd/system/a.service, content: \"[Service]\\nExecStart=true\\n\"}\n";
    let why = refused(&format!("{unit}runcmd: [systemctl enable --now a.service, [echo, late]]\n"));
    assert!(why.starts_with("runcmd: `echo late` follows a start of services"), "{why}");
    let why = refused(&unit.replace("true", "$HOME/true"));
    assert!(why.starts_with("/etc/systemd/system/a.service: line 2: `$` begins a variable"), "{why}");
}

#[test]
fn a_unit_that_is_not_enabled_is_only_a_file() {
    let asked = asked(
        "#cloud-config\nwrite_files:\n- {path: /etc/systemd/system/a.service, content: \"[Service]\\nExecStart=true\\n\"}\n",
    );
    assert_eq!((asked.data.files.len(), asked.data.services.len()), (1, 0));
}
