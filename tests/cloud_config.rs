//! cloud-init accepts what `chimp role` prints, for every role that is shipped or is an example.
//!
//! `scripts/setup.sh` unpacks cloud-init's package below `target/`; it is not installed, since it would take part in the
//! machine's boot.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, ExitCode};

use anarcho_chimp::infrastructure::file;
use anarcho_chimp::role::shipped;
use support::{Folder, Needs, chimp, named, run, stderr, stdout};

fn main() -> ExitCode {
    support::tests(&[(
        Needs::Files(&[("target/cloud-init/usr/bin/cloud-init", "sh scripts/setup.sh")]),
        named![
            cloud_init_accepts_every_shipped_role_and_every_example,
            cloud_init_accepts_a_role_that_installs_nothing_and_holds_any_text_and_bytes,
            cloud_init_refuses_a_planted_mistake
        ],
    )])
}

const SITES: [&str; 7] = [
    "fixtures/infrastructures/figure-1.yaml",
    "fixtures/infrastructures/paper.yaml",
    "fixtures/infrastructures/apache.yaml",
    "fixtures/infrastructures/many-replicas.yaml",
    "fixtures/infrastructures/puppet.yaml",
    "fixtures/examples/python-site/site.yaml",
    "fixtures/examples/active-active/site.yaml",
];

/// What `cloud-init schema` says of a document, and whether it is valid.
fn judged(folder: &Folder, document: &str) -> Result<(), String> {
    let path = folder.write("user-data.yaml", document);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/cloud-init");
    let output = Command::new("/usr/bin/python3")
        .args(["-B", "-m", "cloudinit.cmd.main", "schema", "--config-file"])
        .arg(path)
        .env("PYTHONPATH", root.join("usr/lib/python3/dist-packages"))
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(stdout(&output) + &stderr(&output)) }
}

fn printed(site: &str, server: &str) -> String {
    let output = run(&mut chimp(&["role", site, server]));
    assert!(output.status.success(), "{site}: {server}");
    stdout(&output)
}

fn cloud_init_accepts_every_shipped_role_and_every_example() {
    let folder = Folder::new("cloud-init");
    let mut judged_roles = BTreeSet::new();
    for site in SITES {
        let infrastructure = file::read(Path::new(site)).unwrap();
        for server in infrastructure.servers.values() {
            if judged_roles.insert((server.role.clone(), infrastructure.roles[&server.role].source.clone())) {
                let document = printed(site, &server.name);
                judged(&folder, &document).unwrap_or_else(|why| panic!("{site}: {}: {why}\n{document}", server.name));
            }
        }
    }
    let shipped: BTreeSet<&str> = shipped::names().collect();
    let judged: BTreeSet<&str> = judged_roles.iter().map(|(role, _)| role.as_str()).collect();
    assert!(judged.is_superset(&shipped), "{judged:?} lacks some of {shipped:?}");
}

fn cloud_init_accepts_a_role_that_installs_nothing_and_holds_any_text_and_bytes() {
    let folder = Folder::new("cloud-init-own");
    std::fs::write(folder.path().join("logo.png"), b"\x89PNG\r\n").unwrap();
    folder.write(
        "mine.yaml",
        "port: 8000\nwrite_files:\n- { path: /a, content: 'on' }\n- { path: /b, content: !!binary iVBORw0KGgo= }\n\
         - { path: /c, copy: ./logo.png, permissions: 0600, owner: 'nobody:nogroup' }\n- { path: /d, content: \"\\n a\\n\" }\n\
         runcmd:\n- [chmod, \"0644\", /a]\n- [echo, 'yes', '12:30', '2026-11-28', '~', '']\n\
         services:\n- { name: x, command: [python3, -m, http.server, \"8000\"] }\n",
    );
    let site = folder
        .write("site.yaml", "servers: [{name: s-1, role: mine}]\nentry: {host: s-1}\nroles: {mine: ./mine.yaml}\n");
    let document = printed(site.to_str().unwrap(), "s-1");
    assert!(!document.contains("packages"), "{document}");
    judged(&folder, &document).unwrap_or_else(|why| panic!("{why}\n{document}"));

    // What YAML 1.1 reads in it is what was meant.
    let script = "import sys, yaml, json; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let read = run(Command::new("/usr/bin/python3").args(["-c", script]).arg(folder.path().join("user-data.yaml")));
    let read: serde_json::Value = serde_json::from_str(&stdout(&read)).unwrap();
    assert_eq!(read["runcmd"][0], serde_json::json!(["chmod", "0644", "/a"]));
    assert_eq!(read["runcmd"][1], serde_json::json!(["echo", "yes", "12:30", "2026-11-28", "~", ""]));
    let file = |path: &str| {
        let files = read["write_files"].as_array().unwrap();
        files.iter().find(|file| file["path"] == path).unwrap().clone()
    };
    assert_eq!(file("/a")["content"], "on");
    assert_eq!((&file("/b")["content"], &file("/b")["encoding"]), (&"iVBORw0KGgo=".into(), &"b64".into()));
    assert_eq!((&file("/c")["content"], &file("/c")["permissions"]), (&"iVBORw0K".into(), &"0600".into()));
    assert_eq!(file("/d")["content"], "\n a\n");
}

fn cloud_init_refuses_a_planted_mistake() {
    let folder = Folder::new("cloud-init-mistake");
    for mistake in ["#cloud-config\npackages: []\n", "#cloud-config\nwrite_files: [{path: /a, permissions: 420}]\n"] {
        judged(&folder, mistake).expect_err(mistake);
    }
}
