//! Scenarios on the servers of an inventory, as far as no server is needed for it: what becomes of their plans.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anarcho_chimp::declare::{DeclareError, DeclareOptions, declare};
use anarcho_chimp::environment::{self, Access};
use anarcho_chimp::plan::{Plan, ScenarioPlan};
use anarcho_chimp::settings::Scheme;

/// The files of this folder in another one, with a key beside them: no repository holds one.
fn laid_out() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for entry in fs::read_dir("tests/on_inventory").unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            continue;
        }
        fs::copy(entry.path(), here.join(entry.file_name())).unwrap();
    }
    fs::write(here.join("key"), "a private key").unwrap();
    fs::set_permissions(here.join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

/// Declares features of this folder. `FOLDER` stands for it in `on`, and in what is returned.
fn planned(features: &[&str], on: Option<&str>) -> Result<Plan, String> {
    planned_with(features, on, None)
}

/// The same with this file of passwords.
fn planned_with(features: &[&str], on: Option<&str>, passwords: Option<&str>) -> Result<Plan, String> {
    let folder = laid_out();
    let here = folder.path();
    let passwords = passwords.map(|text| {
        let file = here.join("passwords.json");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    });
    let options = DeclareOptions {
        access: Access { passwords },
        paths: features.iter().map(|name| here.join(format!("{name}.feature"))).collect(),
        seed: 7,
        environment: on.map(|on| on.replace("FOLDER", &here.display().to_string())),
        ..DeclareOptions::default()
    };
    let shown = |why: DeclareError| why.to_string().replace(&here.display().to_string(), "FOLDER");
    let mut plan = declare(&options).map_err(shown)?;
    plan.environment = plan.environment.replace(&here.display().to_string(), "FOLDER");
    Ok(plan)
}

/// What `chimp plan` complains of a feature of this folder, where there is no SSH agent.
fn complaint(feature: &str) -> String {
    let folder = laid_out();
    let mut chimp = Command::new(env!("CARGO_BIN_EXE_chimp"));
    chimp.args(["plan", &format!("{feature}.feature")]).current_dir(folder.path()).env_remove("SSH_AUTH_SOCK");
    let output = chimp.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn only(plan: Plan) -> ScenarioPlan {
    let Ok([scenario]) = <[ScenarioPlan; 1]>::try_from(plan.scenarios) else { panic!("one scenario") };
    scenario
}

#[test]
fn a_scenario_that_names_an_inventory_runs_on_it_as_it_is() {
    for on in [None, Some("inventory"), Some("inventory=FOLDER/staging.yaml")] {
        let plan = planned(&["whole"], on).unwrap();
        assert_eq!(plan.environment, "inventory=FOLDER/staging.yaml");
        let ScenarioPlan { infrastructure, settings, .. } = only(plan);
        let servers: Vec<&str> = infrastructure.servers.keys().map(String::as_str).collect();
        assert_eq!(servers, ["lb-a", "lb-b", "web-a", "web-b"]);
        assert!(!settings.reconciler.enabled, "it is the site's own business");
        assert_eq!(settings.safeguards.protected, ["lb-a", "lb-b", "web-a"], "they were not opted in");
        let request = (settings.request.scheme, settings.request.host.as_deref());
        assert_eq!(request, (Scheme::Https, Some("www.example.org")));
        assert_eq!((infrastructure.entry.host.as_str(), infrastructure.entry.port), ("www", 443));
    }
}

#[test]
fn a_scenario_that_names_no_place_runs_on_the_inventory_that_is_asked_for() {
    let on_inventory = only(planned(&["plain"], Some("inventory=FOLDER/staging.yaml")).unwrap());
    assert!(on_inventory.infrastructure.servers.contains_key("lb-a"));
    let local = planned(&["plain"], None).unwrap();
    assert_eq!(local.environment, "local");
    assert!(only(local).infrastructure.servers.contains_key("lb-1"));
}

#[test]
fn what_can_t_be_had_of_servers_that_are_there_is_refused_with_its_line() {
    insta::assert_snapshot!(planned(&["shaped"], Some("inventory=FOLDER/staging.yaml")).unwrap_err());
}

#[test]
fn a_strike_that_could_only_hit_servers_that_were_not_opted_in_is_refused_where_it_is_written() {
    insta::assert_snapshot!(planned(&["closed"], None).unwrap_err());
}

#[test]
fn a_strike_that_can_spare_the_servers_that_were_not_opted_in_is_planned() {
    assert_eq!(only(planned(&["free"], None).unwrap()).acts.len(), 2);
}

#[test]
fn nothing_is_added_to_an_inventory_and_one_that_can_t_be_read_is_refused() {
    insta::assert_snapshot!(planned(&["added"], None).unwrap_err());
}

#[test]
fn a_run_has_one_environment() {
    let refused = |features: &[&str], on| planned(features, on).unwrap_err();
    let both = refused(&["plain", "whole"], None);
    assert!(
        both.contains(
            "plain.feature:3: `As many servers` declares servers, and this run is on the inventory FOLDER/staging.yaml, as \
             FOLDER/whole.feature:4 says for `"
        ),
        "{both}"
    );
    let local = refused(&["whole"], Some("local"));
    assert!(
        local.contains(
            "` wants the inventory FOLDER/staging.yaml, and this run is in the environment `local`, as `--on`"
        ),
        "{local}"
    );
    let other = refused(&["whole"], Some("inventory=other.yaml"));
    assert!(
        other.contains(
            "` wants the inventory FOLDER/staging.yaml, and this run is on the inventory other.yaml, as `--on`"
        ),
        "{other}"
    );
}

#[test]
fn a_mistake_in_the_passwords_is_reported_where_it_is_and_once() {
    let refused = |passwords| planned_with(&["whole"], None, Some(passwords)).unwrap_err();
    let told = refused("{\n  \"web-b\": 7\n}\n");
    assert!(told.starts_with("FOLDER/passwords.json:2:"), "{told}");
    assert!(told.contains("found a number, expected a password") && told.contains("\n1 error; "), "{told}");
    let told = refused("{ \"web-x\": \"secret\" }");
    assert!(told.starts_with("FOLDER/passwords.json:1:") && !told.contains("secret"), "{told}");
    planned_with(&["whole"], None, Some("{ \"web-b\": \"secret\" }")).unwrap();
}

#[test]
fn all_mistakes_of_an_inventory_and_of_the_scenarios_on_it_are_reported_together_each_once() {
    insta::assert_snapshot!(planned(&["wrong"], None).unwrap_err());
}

#[test]
fn targets_that_depend_on_the_entry_say_where_it_is_to_be_said_and_what_logs_in_comes_last() {
    insta::assert_snapshot!(complaint("outside"));
}

#[test]
fn an_entry_outside_of_the_inventory_is_accepted_with_a_note_unless_it_is_said_to_be_there() {
    let notes = |change: fn(&str) -> String| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("outside.yaml");
        fs::write(&file, change(&fs::read_to_string("tests/on_inventory/outside.yaml").unwrap())).unwrap();
        let on = environment::on(&format!("inventory={}", file.display())).unwrap();
        on.kind.adopt(&on.value, None, &anarcho_chimp::Settings::default()).unwrap();
        on.kind.notes(&on.value, &Default::default()).join("").replace(&folder.path().display().to_string(), "FOLDER")
    };
    let unsaid = notes(|text| text.into());
    let expected = "FOLDER/outside.yaml:8:8: `entry`: no host and no virtual IP of this inventory is known to have the address \
                    of `www.example.org`\n  help: say which one has it: `entry_at: lb-a`; or,";
    assert!(unsaid.starts_with(expected), "{unsaid}");
    assert_eq!(notes(|text| format!("{text}entry_at: outside\n")), "");
    assert_eq!(notes(|text| format!("{text}entry_at: lb-a\n")), "");
    assert_eq!(notes(|text| text.replace("https://www.example.org", "http://192.0.2.10")), "");
}
