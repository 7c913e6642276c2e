//! What is read: every format, with examples, words, and the reader that `chimp` uses.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anarcho_chimp::agent::follow;
use anarcho_chimp::agent::offset::Offset;
use anarcho_chimp::agent::watch::Thing;
use anarcho_chimp::agent::watch::reader::Reader;
use anarcho_chimp::attack::AttackPlan;
use anarcho_chimp::attack::processes::Processes;
use anarcho_chimp::clock::Clock;
use anarcho_chimp::declare::{DeclareOptions, declare};
use anarcho_chimp::graph::{Table, read_links};
use anarcho_chimp::provider::host_key::KnownHosts;
use anarcho_chimp::provider::passwords::Passwords;
use anarcho_chimp::settings::Settings;
use anarcho_chimp::{infrastructure, inventory, journal, role};

use crate::dictionary::{DOT, GHERKIN, HOSTS, JSON, NOTES, SSH, TOML, XML, YAML};
use crate::mutate::Dictionary;

/// A format.
pub struct Target {
    pub name: &'static str,
    /// What mutated files are called: some readers look at it.
    pub file: &'static str,
    /// How often it is drawn, beside the others.
    pub weight: u32,
    /// Files and folders with examples; beside them `tests/fuzz/corpus/NAME`.
    pub examples: &'static [&'static str],
    pub dictionary: Dictionary,
    /// Reads a file; why it is refused.
    pub read: fn(&Path) -> Result<(), String>,
}

pub const TARGETS: [Target; 17] = [
    Target {
        name: "feature",
        file: "a.feature",
        // Suggestions for a step that is not known are looked for long; all other formats take less than a millisecond.
        weight: 1,
        examples: &[
            "features/card.feature",
            "features/network.feature",
            "tests/accepted",
            "tests/refused/sides.feature",
        ],
        dictionary: GHERKIN,
        read: feature,
    },
    Target {
        name: "infrastructure",
        file: "site.yaml",
        weight: 12,
        examples: &[
            "fixtures/infrastructures",
            "fixtures/examples/python-site/site.yaml",
            "tests/refused/broken-site/site.yaml",
        ],
        dictionary: YAML,
        read: |path| infrastructure::file::read(path).map(drop).map_err(shown),
    },
    Target {
        name: "role",
        file: "role.yaml",
        weight: 10,
        examples: &[
            "fixtures/roles",
            "fixtures/examples/python-site/http-server.yaml",
            "tests/refused/broken-site/pages.yaml",
        ],
        dictionary: YAML,
        read: |path| role::file::read("shop", path).map(drop).map_err(shown),
    },
    Target {
        name: "inventory",
        file: "inventory.yaml",
        weight: 8,
        examples: &["fixtures/inventories"],
        dictionary: YAML,
        read: |path| inventory::file::read(path).map(drop).map_err(shown),
    },
    Target {
        name: "settings",
        file: "chimp.toml",
        weight: 8,
        examples: &["fixtures/chimp.toml", "tests/features/short.toml"],
        dictionary: TOML,
        read: |path| Settings::read(path).map(drop).map_err(shown),
    },
    Target {
        name: "site-list",
        file: "site.json",
        weight: 6,
        examples: &["fixtures/reconciler/site.json"],
        dictionary: JSON,
        read: |path| infrastructure::file::read(path).map(drop).map_err(shown),
    },
    Target {
        name: "graph-json",
        file: "graph.json",
        weight: 8,
        examples: &["fixtures/attacks/graph.json", "fixtures/graphs/shop.json"],
        dictionary: JSON,
        read: graph,
    },
    Target {
        name: "dot",
        file: "graph.dot",
        weight: 14,
        examples: &["tests/graphs", "fixtures/graphs"],
        dictionary: DOT,
        read: graph,
    },
    Target {
        name: "graphml",
        file: "graph.graphml",
        weight: 14,
        examples: &["tests/graphs", "fixtures/graphs"],
        dictionary: XML,
        read: graph,
    },
    Target {
        name: "processes",
        file: "processes.json",
        weight: 3,
        examples: &["fixtures/attacks/processes.json"],
        dictionary: JSON,
        read: |path| Processes::read(path, &servers()).map(drop).map_err(shown),
    },
    Target {
        name: "passwords",
        file: "passwords.json",
        weight: 3,
        examples: &["fixtures/attacks/passwords.json"],
        dictionary: JSON,
        read: |path| Passwords::read(path, &servers()).map(drop).map_err(shown),
    },
    Target {
        name: "attack-plan",
        file: "attack.json",
        weight: 4,
        examples: &[],
        dictionary: JSON,
        read: |path| AttackPlan::read(path).map(|plan| drop((plan.shown(), plan.sha256()))).map_err(shown),
    },
    Target {
        name: "watch-lines",
        file: "watch.ndjson",
        weight: 6,
        examples: &[],
        dictionary: NOTES,
        read: watch_lines,
    },
    Target {
        name: "follow-lines",
        file: "follow.ndjson",
        weight: 4,
        examples: &[],
        dictionary: NOTES,
        read: follow_lines,
    },
    Target { name: "journal", file: journal::FILE, weight: 6, examples: &[], dictionary: NOTES, read: journal },
    Target { name: "known_hosts", file: "known_hosts", weight: 6, examples: &[], dictionary: HOSTS, read: known_hosts },
    Target { name: "ssh_config", file: "config", weight: 6, examples: &[], dictionary: SSH, read: ssh_config },
];

fn shown(why: impl std::fmt::Display) -> String {
    why.to_string()
}

fn servers() -> BTreeSet<String> {
    ["lb-1", "web-1", "web-2"].map(String::from).into()
}

fn feature(path: &Path) -> Result<(), String> {
    let options = DeclareOptions {
        paths: vec![path.into()],
        seed: 7,
        environment: Some("local".into()),
        ..DeclareOptions::default()
    };
    declare(&options).map(drop).map_err(shown)
}

/// As `chimp heal` reads it: what is open, and where its victims are.
fn journal(path: &Path) -> Result<(), String> {
    let entries = journal::read(path.parent().expect("a folder")).map_err(shown)?;
    let _ = (journal::open_strikes(&entries).len(), journal::place(&entries));
    Ok(())
}

/// As an observer reads what a watcher on a server writes, with its stamps on this machine's clock.
fn watch_lines(path: &Path) -> Result<(), String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|why| named(why.to_string()))?;
    let socket = "/run/haproxy/admin.sock".into();
    let of = [[198, 18, 0, 8], [198, 18, 0, 9]].map(Ipv4Addr::from).into();
    let at = (Ipv4Addr::LOCALHOST, 9200).into();
    let mut reader = Reader::new(vec![Thing::Haproxy { socket }, Thing::Addresses { of }, Thing::Database { at }]);
    for line in text.lines() {
        for report in reader.read(line).map_err(|why| named(why.to_string()))? {
            let _ = Offset::SHARED.on(Clock::with_epoch(1), report.at);
        }
    }
    Ok(())
}

/// As a run reads what a follower on a server writes of two logs.
fn follow_lines(path: &Path) -> Result<(), String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|why| named(why.to_string()))?;
    let mut reader = follow::reader::Reader::new(2);
    for line in text.lines() {
        reader.read(line).map_err(|why| named(why.to_string()))?;
    }
    Ok(())
}

/// As an inventory reads it, and every key that it has for a few names.
fn known_hosts(path: &Path) -> Result<(), String> {
    inventory::file::read(&path.with_file_name(KEYED)).map_err(shown)?;
    let known = KnownHosts::read(path).map_err(shown)?;
    for name in ["192.0.2.10", "[192.0.2.11]:2222", "web-1.example.org", "", "*"] {
        let _ = known.keys_of(name).count();
    }
    Ok(())
}

/// An inventory that names the file `known_hosts` beside it.
const KEYED: &str = "keyed.yaml";

/// As inventories read it, for hosts that it names.
fn ssh_config(path: &Path) -> Result<(), String> {
    for name in CONFIGURED {
        inventory::file::read(&path.with_file_name(name)).map_err(shown)?;
    }
    Ok(())
}

/// Inventories that name the file `config` beside them, each with a host of one of these names.
const CONFIGURED: [&str; 3] = ["web-1.yaml", "bastion.yaml", "db.yaml"];

/// Measures of large graphs take long, whatever they are read from.
const MEASURED: usize = 300;

fn graph(path: &Path) -> Result<(), String> {
    let read = read_links(path).map_err(shown)?;
    if read.links.servers().len() < MEASURED && read.links.now().links().count() < MEASURED * MEASURED {
        let _ = Table::of(&read.links).to_string();
    }
    match read.notes.iter().find(|note| !note.contains(&path.display().to_string())) {
        Some(note) => Err(format!("a note that does not name its file: {note}")),
        None => Ok(()),
    }
}

impl Target {
    /// The files of `tests/fuzz/corpus/NAME`, then the examples, each with its path.
    pub fn corpus(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let extension = Path::new(self.file).extension();
        let mut files = files_in(&root.join("tests/fuzz/corpus").join(self.name));
        for example in self.examples {
            let of_format = files_in(&root.join(example)).into_iter().filter(|path| path.extension() == extension);
            files.extend(of_format);
        }
        let read = |path: PathBuf| {
            let bytes = std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            (path, bytes)
        };
        files.into_iter().map(read).collect()
    }
}

/// The files that examples name.
pub fn prepare(folder: &Path) {
    write(&folder.join("key"), b"a private key");
    let hosts = "hosts: [{ name: web-1, address: 192.0.2.11, attack: allowed }]\nknown_hosts: ./known_hosts\n";
    write(&folder.join(KEYED), hosts.as_bytes());
    for name in CONFIGURED {
        let alias = name.trim_end_matches(".yaml");
        let hosts = format!("hosts: [{{ name: a, address: {alias} }}]\nhost_keys: ignore\nssh_config: ./config\n");
        write(&folder.join(name), hosts.as_bytes());
    }
    write(&folder.join("known"), b"192.0.2.10 ssh-ed25519 AAAA\n");
}

/// Writes a file that only its owner can read: secrets are refused else.
pub fn write(path: &Path, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
}

/// The file itself, or all files of a folder, in order.
fn files_in(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.into()];
    }
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    files
}
