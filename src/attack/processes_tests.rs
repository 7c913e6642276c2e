//! What a file of processes may be, and what is told of one that is wrong.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn servers() -> BTreeSet<String> {
    ["lb-1", "web-1", "web-2"].map(String::from).into()
}

fn read(text: &str) -> Result<Processes, String> {
    let read = by_server::read(Path::new("processes.json"), text, &servers(), List);
    read.map(Processes).map_err(|why| why.to_string())
}

#[test]
fn the_example_and_those_of_the_schema_are_read() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/attacks");
    let example = Processes::read(&fixtures.join("processes.json"), &servers()).unwrap();
    assert_eq!(example.of("lb-1"), ["haproxy", "keepalived"]);
    assert_eq!(example.of("web-2"), ["nginx"]);
    assert_eq!(example.iter().count(), 3);
    let schema = std::fs::read_to_string(fixtures.join("processes.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for example in schema["examples"].as_array().unwrap() {
        read(&example.to_string()).unwrap();
    }
}

#[test]
fn a_mistake_is_one_error_with_its_place_and_a_hint() {
    let files = [
        ("not JSON", "{\n  \"web-1\": [\"nginx\",\n}"),
        ("not an object", "[\"nginx\"]"),
        ("no server", "{}"),
        ("unknown server", "{\n  \"web-1\": [\"nginx\"],\n  \"wbe-2\": [\"nginx\"]\n}"),
        ("server twice", "{\n  \"web-1\": [\"nginx\"],\n  \"web-1\": [\"cron\"]\n}"),
        ("a string", "{\"web-1\": \"nginx\"}"),
        ("an object", "{\"web-1\": {\"nginx\": 1}}"),
        ("null", "{\"web-1\": null}"),
        ("an empty list", "{\"web-1\": [\"nginx\"], \"web-2\": []}"),
        ("a number in the list", "{\"web-1\": [\"nginx\", 5]}"),
        ("an empty name", "{\"web-1\": [\"\"]}"),
        ("a path", "{\"web-1\": [\"/usr/sbin/nginx\"]}"),
        ("a zero byte", "{\"web-1\": [\"ngi\\u0000nx\"]}"),
        ("process twice", "{\"web-1\": [\"nginx\",\n \"cron\", \"nginx\"]}"),
    ];
    let told: Vec<String> =
        files.iter().map(|(name, text)| format!("[{name}]\n{}", read(text).expect_err(name))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let why = Processes::read(Path::new("nowhere/processes.json"), &servers()).expect_err("no file").to_string();
    assert!(why.starts_with("nowhere/processes.json: can't be read"), "{why}");
}

proptest! {
    #[test]
    fn hostile_names_arrive_as_they_were_written(names in prop::collection::btree_set("[^\0/]{1,20}", 1..5)) {
        let names: Vec<String> = names.into_iter().collect();
        let read = read(&serde_json::json!({ "web-1": names }).to_string()).unwrap();
        prop_assert_eq!(read.of("web-1"), names);
    }
}
