//! What Puppet makes of roles; where Puppet is installed, by asking it.

use std::process::Command;

use super::*;
use crate::infrastructure::Draft;
use crate::instance::ServiceSpec;
use crate::launch::UNCONFIGURED_MARK;
use crate::render::tests::{rendered, text as text_of};
use crate::settings::{ConfigAgentKind, Settings};

const MANIFEST: &str = "/etc/puppet/code/environments/production/manifests/site.pp";

fn by_puppet() -> Settings {
    let mut settings = Settings::default();
    settings.config_agent.enabled = true;
    settings.config_agent.kind = ConfigAgentKind::Puppet;
    settings
}

fn site() -> Infrastructure {
    let mut draft = Draft::default();
    draft.behind(2, "webserver", 1, "load balancer").unwrap();
    draft.puppet();
    draft.build().unwrap()
}

/// A node of an own role, made of these files and commands; its services write what they are told into a file.
fn node<'a>(role: &'a Role, files: Vec<FileSpec>, run: Vec<Vec<String>>, services: Vec<ServiceSpec>) -> Node<'a> {
    Node { name: "web-1", role, data: UserData { files, run, services, unconfigured: false } }
}

fn own_role() -> Role {
    let mut role = crate::role::shipped::role("webserver").unwrap();
    role.name = "own-role".into();
    role.reload = Some(["sh", "-c", "echo it's reloaded"].map(String::from).into());
    role
}

#[test]
fn a_role_becomes_a_class_and_a_server_a_node() {
    insta::assert_snapshot!(text_of(&rendered(&site(), &by_puppet(), "puppet"), MANIFEST));
}

#[test]
fn only_the_puppet_server_has_the_manifest_and_only_where_puppet_configures() {
    let has = |settings: &Settings, server: &str| {
        rendered(&site(), settings, server).files.iter().any(|file| file.path == Path::new(MANIFEST))
    };
    assert!(has(&by_puppet(), "puppet"));
    assert!(!has(&by_puppet(), "web-1") && !has(&Settings::default(), "puppet"));
}

#[test]
fn bytes_and_copies_are_handed_out_as_they_are() {
    let bytes = FileContent::Bytes(vec![0, 159, 146, 150]);
    let role = own_role();
    let files = [
        ("/srv/logo", bytes.clone()),
        ("/srv/large", FileContent::CopyOf("/usr/share/large".into())),
        ("/srv/zero", FileContent::Text("a\0b".into())),
    ];
    let files: Vec<FileSpec> = files.map(|(path, content)| FileSpec { path: path.into(), content, mode: 0o600 }).into();
    let node = node(&role, files, Vec::new(), Vec::new());
    let manifest = manifest(std::slice::from_ref(&node));
    let found: Vec<(PathBuf, FileContent)> = node.data.files.iter().filter_map(source).collect();
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].1, bytes);
    for (path, _) in found {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(path.starts_with("/etc/puppet/code/environments/production/modules/chimp/files"));
        assert!(manifest.contains(&format!("'puppet:///modules/chimp/{name}'")), "{manifest}");
    }
}

/// `make test` runs these as root; they need no rights, only Puppet.
mod as_root {
    use super::*;

    fn puppet(arguments: &[&str]) -> std::process::Output {
        Command::new("puppet").args(arguments).output().expect("puppet-agent is installed: make setup")
    }

    fn validate(manifest: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.pp");
        std::fs::write(&path, manifest).unwrap();
        let (own, shown) = (folder.path().display().to_string(), path.display().to_string());
        let output = puppet(&["parser", "validate", "--confdir", &own, "--vardir", &own, &shown]);
        assert!(output.status.success(), "{}{manifest}", String::from_utf8_lossy(&output.stderr));
    }

    /// Nothing is contacted and nothing started: it only parses.
    #[test]
    #[ignore = "needs puppet-agent, which `make setup` installs"]
    fn puppet_accepts_what_every_shipped_role_becomes() {
        let site = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("site.yaml");
            std::fs::write(&path, text).unwrap();
            crate::infrastructure::file::read(&path).unwrap()
        };
        let mut figure_1 = crate::infrastructure::file::read(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/infrastructures/figure-1.yaml"
        )))
        .unwrap();
        let apache = site(
            "servers:\n  - { name: web-1, role: webserver-apache }\n  - { name: puppet, role: puppet }\nentry: { host: web-1, port: 80 }\n",
        );
        figure_1.servers.insert("puppet".into(), apache.servers["puppet"].clone());
        figure_1.roles.insert("puppet".into(), apache.roles["puppet"].clone());
        let mut supervised = Draft::default();
        supervised.tier(1, "webserver").unwrap();
        supervised.puppet();
        supervised.supervise("webserver").unwrap();
        for site in [figure_1, apache, supervised.build().unwrap()] {
            validate(text_of(&rendered(&site, &by_puppet(), "puppet"), MANIFEST));
        }
    }

    /// Carried out for real, in a folder of its own: texts with every sign that could be misread, an empty file, commands
    /// in their order, a service that is started, and later a file that drifted. Puppet itself says what it did.
    #[test]
    #[ignore = "needs puppet-agent, which `make setup` installs"]
    fn puppet_makes_what_the_harness_would_have_made() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let nasty = "it's $HOME ${x} \"q\" \\ \\n \\' %{y}\n\té\r\n<%= 1 %> # {{ }}\n";
        let text = |name: &str, text: &str, mode: u32| FileSpec {
            path: at(name),
            content: FileContent::Text(text.into()),
            mode,
        };
        let role = own_role();
        let files = vec![text("deep/er/nasty", nasty, 0o640), text("empty", "", 0o600)];
        let log = at("log").display().to_string();
        let echo = |word: &str| ["sh", "-c", r#"echo "$1" >>"$2""#, "sh", word, &log].map(String::from).to_vec();
        let run = ["one's", "$two"].map(echo);
        let service = ServiceSpec {
            name: "site".into(),
            command: vec!["sh".into(), "-c".into(), format!("echo started >>{log}")],
            environment: BTreeMap::new(),
            working_directory: None,
        };
        let made = manifest(&[node(&role, files, run.into(), vec![service])]);
        let mark = at("unconfigured");
        // The mark is the server's, the node this machine.
        let made = made.replace(UNCONFIGURED_MARK, &mark.display().to_string()).replace("node 'web-1'", "node default");
        std::fs::write(at("site.pp"), &made).unwrap();
        std::fs::write(&mark, "").unwrap();
        let own = at("own").display().to_string();
        let manifest = at("site.pp").display().to_string();
        let apply = || puppet(&["apply", "--detailed-exitcodes", "--confdir", &own, "--vardir", &own, &manifest]);
        let first = apply();
        let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(first.status.code(), Some(2), "{}{}", said(&first), String::from_utf8_lossy(&first.stderr));
        let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        assert_eq!((read("deep/er/nasty").as_str(), read("empty").as_str()), (nasty, ""));
        await_lines(&at("log"), 3);
        assert_eq!(read("log"), "one's\n$two\nstarted\n", "commands in their order, then the service");

        std::fs::remove_file(&mark).unwrap();
        std::fs::write(at("empty"), "drifted").unwrap();
        assert_eq!(apply().status.code(), Some(2));
        await_lines(&at("log"), 4);
        assert_eq!(read("empty"), "");
        let repaired = "one's\n$two\nstarted\nstarted\n";
        assert_eq!(read("log"), repaired, "no command is run again, and what does not run is started, not reloaded");
    }

    /// A service is started by a process that is not waited for.
    fn await_lines(path: &Path, lines: usize) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while std::fs::read_to_string(path).unwrap_or_default().lines().count() < lines {
            assert!(std::time::Instant::now() < deadline, "{} lines never came", lines);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
