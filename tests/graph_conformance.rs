//! Graph files measured here and by networkx. `scripts/graph_reference.py` draws the files of `tests/graphs/` with a
//! fixed seed, reads GraphML with networkx and DOT with Graphviz' own gvpr, and stores what networkx measures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anarcho_chimp::graph::table::NodeRow;
use anarcho_chimp::graph::{Table, read_links};
use serde::Deserialize;

const FOLDER: &str = "tests/graphs";
/// Both sum the same fractions, in another order.
const ROUNDING: f64 = 1e-9;

#[derive(Deserialize)]
struct Answer {
    links: usize,
    bridges: BTreeSet<(String, String)>,
    servers: BTreeMap<String, Server>,
}

/// Stored as a list of its fields.
#[derive(Deserialize)]
struct Server {
    name: String,
    role: Option<String>,
    zone: Option<String>,
    degree: usize,
    in_degree: usize,
    out_degree: usize,
    betweenness: f64,
    articulation_point: bool,
    cuts_off: usize,
}

fn answers() -> BTreeMap<String, Answer> {
    let text = std::fs::read_to_string(Path::new(FOLDER).join("answers.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn measured(file: &Path) -> Table {
    Table::of(&read_links(file).unwrap_or_else(|why| panic!("{why}")).links)
}

/// Where a server is not what networkx says, in words.
fn differences(row: &NodeRow, expected: &Server) -> Vec<String> {
    let betweenness = (row.betweenness - expected.betweenness).abs() < ROUNDING;
    let same = [
        ("name", row.name == expected.name),
        ("role", row.role == expected.role),
        ("zone", row.zone == expected.zone),
        ("degree", row.degree == expected.degree),
        ("in-degree", row.in_degree == expected.in_degree),
        ("out-degree", row.out_degree == expected.out_degree),
        ("betweenness", betweenness),
        ("articulation point", row.articulation_point == expected.articulation_point),
        ("cuts off", row.cuts_off == expected.cuts_off),
    ];
    same.iter().filter(|(_, same)| !same).map(|(what, _)| format!("{what} of {row:?}")).collect()
}

fn compared(file: &Path, expected: &Answer) -> Vec<String> {
    let table = measured(file);
    let ids: BTreeMap<&str, &str> =
        table.servers.iter().map(|row| (row.name.as_str(), row.id.as_str())).chain([("clients", "clients")]).collect();
    let bridge = |(a, b): &(String, String)| {
        let (a, b) = (ids[a.as_str()].to_string(), ids[b.as_str()].to_string());
        if a < b { (a, b) } else { (b, a) }
    };
    let bridges: BTreeSet<_> = table.bridges.iter().map(bridge).collect();
    let found: BTreeSet<&str> = table.servers.iter().map(|row| row.id.as_str()).collect();
    let mut wrong = Vec::new();
    if found != expected.servers.keys().map(String::as_str).collect() {
        return vec![format!("servers {found:?}")];
    }
    if table.links != expected.links || bridges != expected.bridges {
        wrong.push(format!("{} links, bridges {bridges:?}", table.links));
    }
    wrong.extend(table.servers.iter().flat_map(|row| differences(row, &expected.servers[&row.id])));
    wrong
}

#[test]
fn a_hundred_graph_files_measure_as_networkx_measures_them() {
    let answers = answers();
    let wrong: Vec<String> = answers
        .iter()
        .flat_map(|(name, expected)| {
            let file = Path::new(FOLDER).join(name);
            compared(&file, expected).into_iter().map(move |what| format!("{}: {what}", file.display()))
        })
        .collect();
    assert!(answers.len() >= 100, "{} files", answers.len());
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_stored_file_has_an_answer_and_both_formats_have_what_is_hard() {
    let files: Vec<PathBuf> = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    let files: Vec<PathBuf> = files.into_iter().filter(|file| !file.ends_with("answers.json")).collect();
    let named: BTreeSet<String> =
        files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(named, answers().into_keys().collect());
    let text = |extension: &str| {
        let of = files.iter().filter(|file| file.extension().is_some_and(|found| found == extension));
        of.map(|file| std::fs::read_to_string(file).unwrap().to_lowercase()).collect::<String>()
    };
    for hard in
        ["y:nodelabel", "<default>", "<![cdata[", "&#x", "<port", "group", "<g:graph ", "sourceport", "\u{feff}"]
    {
        assert!(text("graphml").contains(hard), "no GraphML file has {hard:?}");
    }
    for hard in ["label=<", "strict", "subgraph", "\" + \"", "node [zone", ":sw", "/*", "\n# 1", ", \"", "\u{feff}"] {
        assert!(text("dot").contains(hard), "no DOT file has {hard:?}");
    }
}
