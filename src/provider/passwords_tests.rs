//! What a file of passwords may be, and what is told of one that is wrong: never a password.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn servers() -> BTreeSet<String> {
    ["lb-1", "web-1", "web-2"].map(String::from).into()
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwords.json");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    (folder, path)
}

fn read(text: &str) -> Result<Passwords, String> {
    let (folder, path) = written(text);
    let shown = |why: DocumentError| why.to_string().replace(&format!("{}/", folder.path().display()), "");
    Passwords::read(&path, &servers()).map_err(shown)
}

#[test]
fn the_example_and_those_of_the_schema_are_read() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/attacks");
    let example = read(&fs::read_to_string(fixtures.join("passwords.json")).unwrap()).unwrap();
    assert_eq!(example.of("web-1").unwrap().reveal(), "correct horse");
    assert!(example.of("web-2").unwrap().reveal().contains("$(and)") && example.of("lb-1").is_none());
    let schema = fs::read_to_string(fixtures.join("passwords.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for example in schema["examples"].as_array().unwrap() {
        read(&example.to_string()).unwrap();
    }
}

#[test]
fn a_mistake_is_one_error_with_its_place_and_a_hint() {
    let files = [
        ("nothing", ""),
        ("not JSON", "{\n  \"web-1\": \"s3cret\"\n  \"web-2\": \"s3cret\"\n}"),
        ("more than one document", "{\"web-1\": \"s3cret\"} {}"),
        ("a list", "[\"s3cret\"]"),
        ("a string", "\"s3cret\""),
        ("a number", "12345"),
        ("no server", "{}"),
        ("unknown server", "{\n  \"web-1\": \"s3cret\",\n  \"wbe-2\": \"s3cret\"\n}"),
        ("upside down", "{\"s3cret\": \"web-1\"}"),
        ("server twice", "{\n  \"web-1\": \"s3cret\",\n  \"web-1\": \"s3cret\"\n}"),
        ("a number as password", "{\"web-1\": 12345}"),
        ("null as password", "{\"web-1\": null}"),
        ("a list as password", "{\"web-1\": [\"s3cret\"]}"),
        ("an object as password", "{\"web-1\": {\"root\": \"s3cret\"}}"),
        ("an empty password", "{\"web-1\": \"\"}"),
        ("two lines", "{\"web-1\": \"s3cret\\nand more\"}"),
    ];
    let told: Vec<String> =
        files.iter().map(|(name, text)| format!("[{name}]\n{}", read(text).expect_err(name))).collect();
    let told = told.join("\n");
    assert!(!told.contains("s3cret") && !told.contains("12345"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let (_folder, path) = written("{\"web-1\": \"s3cret\"}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let why = Passwords::read(&path, &servers()).expect_err("the group may read it").to_string();
    assert!(why.contains("mode 640") && why.contains("chmod 600") && !why.contains("s3cret"), "{why}");
}

#[test]
fn passwords_are_not_shown() {
    let passwords = read("{\"web-1\": \"s3cret\"}").unwrap();
    assert!(!format!("{passwords:?}").contains("s3cret"));
}

/// Any JSON, with a marked text wherever a text can be.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        Just(serde_json::json!(77_001_177)),
        "[a-z\"\\\\ ]{0,5}".prop_map(|text| serde_json::json!(format!("s3cret{text}"))),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![Just("web-1".to_string()), Just("s3cret".to_string()), "[a-z-]{1,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_password_is_ever_told_whatever_the_file(value in json(), cut in 0_usize..200) {
        let text = value.to_string();
        let cut: String = text.chars().take(cut).collect();
        for text in [text, cut] {
            if let Err(why) = by_server::read(Path::new("p.json"), &text, &servers(), Password) {
                let why = why.to_string();
                prop_assert!(!why.contains("s3cret") && !why.contains("77001177"), "{}", why);
            }
        }
    }

    #[test]
    fn every_password_arrives_as_it_was_written(password in "[^\0\n]{1,40}") {
        let text = serde_json::json!({ "web-1": password }).to_string();
        let read = by_server::read(Path::new("p.json"), &text, &servers(), Password).unwrap();
        prop_assert_eq!(read["web-1"].reveal(), password);
    }
}
