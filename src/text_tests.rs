use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::declare::{self, DeclareOptions};
use crate::inventory;
use crate::plan::Plan;
use crate::provider::host_key::KnownHosts;
use crate::{attack, graph, infrastructure, provider, role, settings::Settings};

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    assert_eq!(decode(b"\xef\xbb\xbfa\xc3\xa9\n".into()).unwrap(), "aé\n");
    assert_eq!(decode(b"a\xc3\xa9\n".into()).unwrap(), "aé\n");
    assert_eq!(decode(b"\xef\xbb\xbf".into()).unwrap(), "");
    // Only the first one is a mark.
    assert_eq!(decode("\u{feff}\u{feff}a".into()).unwrap(), "\u{feff}a");
}

#[test]
fn what_is_not_utf_8_has_its_line_and_column() {
    for (bytes, place) in [
        (&b"\xffabc"[..], (1, 1)),
        (b"one\ntw\xc3\xb6 \xff", (2, 5)),
        (b"\xef\xbb\xbfab\xe9c", (1, 3)),
        (b"a\nb\nc\xe2\x82", (3, 2)),
    ] {
        let why = decode(bytes.into()).unwrap_err();
        assert_eq!(why.place(), Some(place), "{why}");
        assert!(why.to_string().ends_with("save the file as UTF-8"), "{why}");
    }
    let shown = io::Error::from(decode(b"one\ntwo \xff".into()).unwrap_err()).to_string();
    assert_eq!(shown, "line 2, column 5: this is not UTF-8; save the file as UTF-8");
}

#[test]
fn utf_16_is_called_by_its_name() {
    for bytes in [b"\xff\xfea\0", b"\xfe\xff\0a"] {
        assert!(matches!(decode(bytes.into()), Err(TextError::Utf16)));
    }
}

/// What a file is read as, or why it is not, by its name.
type Read = fn(&Path) -> Result<String, String>;

const FORMATS: [(&str, Read); 13] = [
    ("features/card.feature", |path| {
        let options = DeclareOptions { paths: vec![path.into()], ..DeclareOptions::default() };
        let steps = |plan: Plan| plan.scenarios.into_iter().map(|scenario| scenario.steps).collect::<Vec<_>>();
        shown(declare::declare(&options).map(steps))
    }),
    ("fixtures/infrastructures/paper.yaml", |path| shown(infrastructure::file::read(path))),
    ("fixtures/reconciler/site.json", |path| shown(infrastructure::file::read(path))),
    ("fixtures/roles/webserver.yaml", |path| shown(role::file::read("webserver", path))),
    ("fixtures/chimp.toml", |path| shown(Settings::read(path))),
    ("fixtures/graphs/shop.json", |path| shown(graph::read_links(path))),
    ("fixtures/graphs/shop.dot", |path| shown(graph::read_links(path))),
    ("fixtures/graphs/shop.graphml", |path| shown(graph::read_links(path))),
    ("fixtures/infrastructures/figure-1.yaml", |path| shown(graph::read_links(path))),
    ("fixtures/inventories/datacentre.yaml", |path| {
        shown(
            inventory::file::read(path).map(|found| format!("{found:?}").replace(&path.display().to_string(), "FILE")),
        )
    }),
    ("fixtures/attacks/processes.json", |path| shown(attack::processes::Processes::read(path, &of_attacks()))),
    ("fixtures/attacks/passwords.json", |path| shown(provider::passwords::Passwords::read(path, &of_attacks()))),
    ("known_hosts", |path| {
        shown(KnownHosts::read(path).map(|known| format!("{known:?}").contains("\"[10.0.0.1]:22 ")))
    }),
];

fn of_attacks() -> BTreeSet<String> {
    ["lb-1", "web-1", "web-2", "web-3", "web-4"].map(String::from).into()
}

fn shown<T: Debug, E: std::fmt::Display>(read: Result<T, E>) -> Result<String, String> {
    read.map(|read| format!("{read:?}")).map_err(|why| why.to_string())
}

/// The file's bytes, and those that are read beside it.
fn prepared(folder: &Path, name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let bytes = fs::read(&from).unwrap_or_else(|_| b"[10.0.0.1]:22 ssh-ed25519 AAAA\n".into());
    let path = folder.join(from.file_name().unwrap());
    fs::write(&path, change(bytes)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn every_format_is_read_with_a_byte_order_mark_as_without() {
    let folder = tempfile::tempdir().unwrap();
    for (name, read) in FORMATS {
        let plain = read(&prepared(folder.path(), name, |bytes| bytes)).unwrap_or_else(|why| panic!("{name}: {why}"));
        let marked = read(&prepared(folder.path(), name, |bytes| [UTF_8_MARK, &bytes].concat()));
        assert_eq!(marked, Ok(plain), "{name}");
    }
}

#[test]
fn every_format_refuses_what_is_not_utf_8_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    for (name, read) in FORMATS {
        let path = prepared(folder.path(), name, |bytes| [b"\n", &bytes[..], b"\xff\n"].concat());
        let line = fs::read(&path).unwrap().iter().filter(|byte| **byte == b'\n').count();
        let why = read(&path).expect_err(name);
        assert!(why.contains("this is not UTF-8; save the file as UTF-8"), "{name}: {why}");
        assert!(
            [format!(":{line}:"), format!("line {line},")].iter().any(|place| why.contains(place)),
            "{name}: {why}"
        );
        let wide = prepared(folder.path(), name, |_| b"\xff\xfea\0".into());
        let why = read(&wide).expect_err(name);
        assert!(why.contains("the file is UTF-16, expected UTF-8; save it as UTF-8"), "{name}: {why}");
    }
}

#[test]
fn an_error_that_names_its_file_keeps_its_kind() {
    let path = Path::new("/no/such/file");
    let why = fs::read(path).map_err(naming(path)).unwrap_err();
    assert_eq!(why.kind(), io::ErrorKind::NotFound);
    assert!(why.to_string().starts_with("/no/such/file: "), "{why}");
}
