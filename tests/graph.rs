//! `chimp graph FILE`, as it is called.

use std::process::{Command, Output};

fn chimp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chimp")).arg("graph").args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_table_is_told_of_every_format_alike() {
    let tables = ["json", "dot", "graphml"].map(|format| told(&chimp(&[&format!("fixtures/graphs/shop.{format}")])));
    assert!(tables[0].contains("db-proxy: without it no backup, database or proxy is reached"), "{}", tables[0]);
    assert!(tables.iter().all(|table| *table == tables[0]), "{tables:?}");
}

#[test]
fn an_infrastructure_counts_its_entry_as_a_link() {
    let output = chimp(&["fixtures/infrastructures/paper.yaml"]);
    let table = told(&output);
    assert!(output.status.success());
    assert!(table.contains("lb-1 has the highest degree, 5"), "{table}");
    assert!(table.contains("single points of failure: none"), "{table}");
}

#[test]
fn json_has_the_documented_fields() {
    let output = chimp(&["fixtures/graphs/rooms.dot", "--format", "json"]);
    let table: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&table["schema"], &table["clients_known"]), (&1.into(), &false.into()));
    let router = &table["servers"][8];
    assert_eq!((&router["name"], &router["articulation_point"]), (&"router".into(), &true.into()));
    // Of 28 pairs of others it is between the two rooms: 16.
    assert!((router["betweenness"].as_f64().unwrap() - 16.0 / 28.0).abs() < 1e-12);
    assert_eq!(table["bridges"].as_array().unwrap().len(), 2);
}

#[test]
fn a_picture_is_written_where_it_is_asked_for_and_needs_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("shop.svg");
    let output = chimp(&["fixtures/graphs/shop.json", "--out", out.to_str().unwrap()]);
    assert_eq!(told(&output), format!("{}\n", out.display()));
    let picture = std::fs::read_to_string(&out).unwrap();
    assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    let without_namespace = picture.replacen("http://www.w3.org/2000/svg", "", 1);
    assert!(["http", "<script", "url(", "@import", "href"].iter().all(|outside| !without_namespace.contains(outside)));
    let mut reader = quick_xml::Reader::from_str(&picture);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            _ => continue,
        }
    }
}

#[test]
fn what_is_wrong_is_told_on_the_standard_error_with_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("graph.json");
    std::fs::write(&file, "[{\"name\": \"lb-1\", \"out\": [\"wbe-1\"]}, {\"name\": \"web-1\"}]").unwrap();
    for arguments in [&[file.to_str().unwrap()][..], &["fixtures/graphs/none.dot"], &["README.md"], &[]] {
        let output = chimp(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    }
    let why = String::from_utf8(chimp(&[file.to_str().unwrap()]).stderr).unwrap();
    let expected = "graph.json:1:27: `out` of `lb-1` names `wbe-1`, but there is no such server in the list\n  help: did you mean `web-1`?\n";
    assert!(why.starts_with("chimp: ") && why.ends_with(expected), "{why}");
}

#[test]
fn the_schema_says_what_the_reader_takes() {
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string("fixtures/attacks/graph.schema.json").unwrap()).unwrap();
    let fields: Vec<&String> = schema["items"]["properties"].as_object().unwrap().keys().collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("graph.json");
    std::fs::write(&file, "[{\"name\": \"a\", \"other\": 1}]").unwrap();
    let why = String::from_utf8(chimp(&[file.to_str().unwrap()]).stderr).unwrap();
    assert!(fields.iter().all(|field| why.contains(&format!("`{field}`"))), "{fields:?} {why}");
    assert_eq!(fields.len(), why.matches('`').count() / 2 - 1, "{why}");
}

#[test]
fn what_a_graph_leaves_out_is_noted_on_the_standard_error_and_the_rest_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("health.dot");
    std::fs::write(&file, "digraph health {\n  up -> down -> up\n  up -> up [label=<still <b>up</b>>]\n}\n").unwrap();
    let output = chimp(&[file.to_str().unwrap()]);
    assert!(output.status.success());
    let note = format!("chimp: note: {}:3:6: the edge from `up` to itself is left out\n", file.display());
    assert_eq!(String::from_utf8_lossy(&output.stderr), note);
    assert!(told(&output).contains("2 servers, 1 link;"), "{}", told(&output));
}
