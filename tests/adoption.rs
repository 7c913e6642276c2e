//! A crate adopts the harness with one dev-dependency and three lines: `examples/shop` does, outside the workspace.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use support::{Folder, Needs, named, run, stderr, stdout};

const CRATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop");
/// The one that adds a fault, a selector, an observer, a workload, two Thens and a report.
const EXTENSION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/extension");

fn main() -> ExitCode {
    support::tests(&[
        (Needs::Nothing, named![it_takes_one_dev_dependency_and_three_lines]),
        (Needs::Scenarios, named![its_scenario_passes_and_is_ignored_where_it_can_not_run]),
        (Needs::Scenarios, named![what_a_crate_registers_is_planned_struck_judged_and_reported]),
        (Needs::Scenarios, named![without_docker_its_containers_are_left_out_and_in_ci_that_is_a_failure]),
        (Needs::Asked("DOCKER_FOLDER", "make docker"), named![one_of_its_containers_dies_where_docker_is]),
    ])
}

fn it_takes_one_dev_dependency_and_three_lines() {
    let manifest: toml::Table = fs::read_to_string(format!("{CRATE}/Cargo.toml")).unwrap().parse().unwrap();
    let asked: Vec<&String> = manifest["dev-dependencies"].as_table().unwrap().keys().collect();
    assert_eq!(asked, ["anarcho-chimp"]);
    let mut sections: Vec<&String> = manifest.keys().collect();
    sections.sort();
    assert_eq!(sections, ["dev-dependencies", "package", "test", "workspace"], "no profile, no feature, no patch");
    let target = fs::read_to_string(format!("{CRATE}/tests/chaos.rs")).unwrap();
    assert_eq!(target.lines().count(), 3);
    let documented = fs::read_to_string("docs/how-to/extend.md").unwrap();
    assert!(documented.contains(&format!("```rust\n{target}```")), "docs/how-to/extend.md has another target");
    assert!(include_str!("../src/init/templates/chaos.rs.jinja").ends_with(&target), "`chimp init` writes another one");
}

/// The library as cargo has built it for this test.
fn library(built: &Path) -> PathBuf {
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("libanarcho_chimp-") && name.ends_with(".rlib")
    };
    let all = fs::read_dir(built).unwrap().flatten().map(|entry| entry.path()).filter(is_library);
    let newest = all.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    newest.expect("cargo has built it")
}

/// Builds a target of the crate. Cargo itself would build the library anew, since the crate has a workspace of its own: the nightly job does.
fn build(source: &str, program: &Path, built: &Path) {
    build_in(CRATE, source, program, built);
}

fn build_in(folder: &str, source: &str, program: &Path, built: &Path) {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "-o"]).arg(program).arg(Path::new(folder).join(source));
    rustc.arg("--extern").arg(format!("anarcho_chimp={}", library(built).display()));
    rustc.arg("-L").arg(format!("dependency={}", built.display()));
    assert!(run(&mut rustc).status.success(), "{source} can't be built");
}

/// The test target of its Compose project, which the folder gets.
fn compose(folder: &Folder) -> PathBuf {
    let built = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let program = folder.path().join("compose");
    build("tests/compose.rs", &program, &built);
    program
}

fn without_docker_its_containers_are_left_out_and_in_ci_that_is_a_failure() {
    let folder = Folder::new("adoption-without-docker");
    let program = compose(&folder);
    let ended = |ci: bool| {
        let mut hidden = Command::new("unshare");
        hidden.args(["-m", "sh", "-c", "mount -t tmpfs none /run && exec \"$0\""]).arg(&program).current_dir(CRATE);
        hidden.env_remove("DOCKER_HOST").env_remove("CI");
        if ci {
            hidden.env("CI", "true");
        }
        run(&mut hidden)
    };
    let alone = ended(false);
    assert_eq!(alone.status.code(), Some(0), "{}", stderr(&alone));
    assert!(
        stderr(&alone).contains("left out: no Docker Engine listens at /var/run/docker.sock"),
        "{}",
        stderr(&alone)
    );
    let in_ci = ended(true);
    assert_eq!(in_ci.status.code(), Some(2), "{}", stderr(&in_ci));
    assert!(stderr(&in_ci).contains("no Docker Engine answers"), "{}", stderr(&in_ci));
}

fn one_of_its_containers_dies_where_docker_is() {
    let folder = Folder::new("adoption-docker");
    let out = folder.path().join("reports");
    let mut chaos = Command::new(compose(&folder));
    chaos.args(["--seed", "7", "--out"]).arg(&out).current_dir(CRATE).env_remove("CI");
    let output = run(&mut chaos);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let record: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("latest/run.json")).unwrap()).unwrap();
    let scenario = &record["scenarios"][0];
    assert_eq!(scenario["verdict"], "pass", "{record}");
    assert!(record["environment"].as_str().is_some_and(|name| name.starts_with("compose=")), "{record}");
    assert!(record["command"].as_str().is_some_and(|command| command.starts_with("cargo test --test compose ")));
    assert!(scenario["containers"].as_array().is_some_and(|all| all.iter().any(|one| one["what"] == "restarted")));
    assert!(run(Command::new("docker").args(["ps", "-aq"])).stdout.is_empty(), "it was taken down again");
}

fn its_scenario_passes_and_is_ignored_where_it_can_not_run() {
    let folder = Folder::new("adoption");
    let built = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let (target, deps) = (folder.path().join("debug"), folder.path().join("debug/deps"));
    fs::create_dir_all(&deps).unwrap();
    build("src/main.rs", &target.join("shop"), &built);
    build("tests/chaos.rs", &deps.join("chaos"), &built);
    let out = folder.path().join("reports");
    let ended = |mut chaos: Command, ci: bool, words: &[&str]| {
        chaos.args(words).current_dir(CRATE).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        if ci {
            chaos.env("CI", "true");
        }
        run(&mut chaos)
    };
    let chaos = || Command::new(deps.join("chaos"));
    let address = "features/shop::One of two shops dies";
    let line = format!("{address}: test\n");
    let list = ["--list", "--format", "terse", "--ignored"];
    assert_eq!(stdout(&ended(chaos(), false, &list[..3])), line);
    assert_eq!(stdout(&ended(chaos(), false, &list)), "");
    let without_rights = || {
        let mut chaos = Command::new("setpriv");
        chaos.arg("--bounding-set=-sys_admin").arg(deps.join("chaos"));
        chaos
    };
    assert_eq!(stdout(&ended(without_rights(), false, &list)), line, "without root it is ignored");
    assert_eq!(stdout(&ended(without_rights(), true, &list)), "", "in CI it is not");
    let words = ["--exact", address, "--nocapture", "--out", out.to_str().unwrap()];
    assert_eq!(ended(chaos(), false, &words).status.code(), Some(0));
    assert!(out.join("latest/report.html").is_file());
}

fn what_a_crate_registers_is_planned_struck_judged_and_reported() {
    let folder = Folder::new("extension");
    let built = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let deps = folder.path().join("debug/deps");
    fs::create_dir_all(&deps).unwrap();
    let program = deps.join("chaos");
    build_in(EXTENSION, "tests/chaos.rs", &program, &built);
    let out = folder.path().join("reports");
    let ended = |words: &[&str]| {
        let mut chaos = Command::new(&program);
        chaos.args(words).args(["--seed", "7", "--out"]).arg(&out).current_dir(EXTENSION).env_remove("CI");
        run(&mut chaos)
    };
    let output = ended(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let latest = out.join("latest");
    let events = fs::read_to_string(latest.join("scenarios/00/events.ndjson")).unwrap();
    let struck = events.lines().find(|line| line.contains("strike_resolved")).unwrap();
    assert!(struck.contains(r#""targets":["web-3"]"#) && struck.contains("the last by name"), "{struck}");
    assert!(
        events.lines().any(|line| line.contains("fault_confirmed") && line.contains("ended with 0")),
        "it was witnessed"
    );
    let operations = fs::read_to_string(latest.join("scenarios/01/operations.ndjson")).unwrap();
    assert!(operations.contains(r#""registered":{"asked":{"name":"name-0","token":"user-0"},"changes":true}"#));
    assert_eq!(
        fs::read_to_string(latest.join("verdicts.txt")).unwrap(),
        "A page is missing: Pass\nNames are kept where a server loses power: Pass\n"
    );
    // A fault that does nothing is found out, whoever has written it.
    let lie = ended(&["--sabotage", "faults", "--retries", "0"]);
    assert_eq!(lie.status.code(), Some(3), "{}", stderr(&lie));
    assert!(stderr(&lie).contains("not confirmed"), "{}", stderr(&lie));
}
