//! No test is lost: a target without libtest's harness drops what is marked `#[test]` without a word.

#[path = "support/trial.rs"]
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Arguments;

/// Targets whose tests stand in a table of their own, with what they need.
fn without_a_harness() -> BTreeSet<String> {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    let targets = manifest["test"].as_array().unwrap().iter();
    let own = targets.filter(|target| target.get("harness").and_then(toml::Value::as_bool) == Some(false));
    own.map(|target| target["name"].as_str().unwrap().to_string()).collect()
}

/// With `cargo nextest run`, every test is a process, and several run side by side.
#[test]
fn nextest_gives_tests_that_boot_servers_the_machine_for_themselves() {
    let config: toml::Table = fs::read_to_string(".config/nextest.toml").unwrap().parse().unwrap();
    let [of_them] = &config["profile"]["default"]["overrides"].as_array().unwrap()[..] else { panic!("{config}") };
    let names = without_a_harness().into_iter().collect::<Vec<_>>().join("|");
    assert_eq!(of_them["filter"].as_str().unwrap(), format!("binary(/^({names})$/)"));
    assert_eq!(of_them["threads-required"].as_str(), Some("num-test-threads"));
}

/// The files of a target: `tests/NAME.rs`, or all below `tests/NAME/`.
fn files(target: &str) -> Vec<PathBuf> {
    let (file, folder) = (Path::new("tests").join(target).with_extension("rs"), Path::new("tests").join(target));
    let below = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    if file.exists() { vec![file] } else { below(&folder).collect() }
}

#[test]
fn no_test_is_marked_for_a_harness_that_its_target_lacks() {
    let targets = without_a_harness();
    assert!(targets.contains("runs") && targets.contains("testbed"), "{targets:?}");
    for file in targets.iter().flat_map(|target| files(target)) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        for mark in ["#[test]", "#[tokio::test"] {
            assert!(!text.contains(mark), "{}: {mark}, but its table in `main` is what counts", file.display());
        }
    }
}

/// Runs a trial that lacks something; what the run says of it.
fn ended(in_ci: bool, quick: bool, insists: Option<&str>) -> String {
    let log = tempfile::NamedTempFile::new().unwrap();
    let arguments = ["target", "--logfile", log.path().to_str().unwrap()].into_iter().chain(insists);
    let arguments = Arguments::from_iter(arguments);
    let missing = || Some("needs a unicorn".into());
    let trial = trial::trial_where(in_ci, quick, &arguments, "it_rides", missing, || Ok(()));
    let _ = libtest_mimic::run(&arguments, vec![trial]);
    fs::read_to_string(log.path()).unwrap()
}

#[test]
fn what_lacks_something_is_ignored_and_never_passed_and_fails_in_ci() {
    let says = |in_ci, quick, insists, expected: &[&str]| {
        let said = ended(in_ci, quick, insists);
        assert!(expected.iter().all(|words| said.contains(words)), "{expected:?}: {said}");
    };
    says(false, false, None, &["it_rides ... ignored (needs a unicorn)", " 0 passed; 0 failed; 1 ignored"]);
    says(true, false, None, &["it_rides ... FAILED", "in CI nothing essential may be ignored: needs a unicorn"]);
    says(true, true, None, &["it_rides ... ignored (left out of `make quick`)"]);
    says(false, false, Some("--ignored"), &["it_rides ... ok"]);
    says(false, false, Some("--include-ignored"), &["it_rides ... ok"]);
}

/// Unit tests that need root stand in a module of their own, which is how `make test` finds them.
#[test]
fn no_test_says_skipped_and_passes() {
    let mut folders = vec![PathBuf::from("src"), PathBuf::from("tests"), PathBuf::from("fixtures/site/tests")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let says = concat!("ln!(", "\"skipped");
                assert!(!text.contains(says), "{}: says that a test is skipped", path.display());
                let (marked, found) = (concat!("ignore = \"", "needs root\""), text.contains("mod as_root {"));
                assert!(!text.contains(marked) || found, "{}: `make test` does not find it", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 200, "{seen} files: this test looks in the wrong place");
}

/// How often the fragment of a block stands in the file that the block names, its unit tests apart: as `scripts/mutants.py`
/// looks for it.
fn found(file: &str, fragment: &str) -> usize {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().matches(fragment).count()
}

/// The features of every package on this machine, by name and version.
fn features(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--offline", "--workspace", "--prefix", "none", "--format", "{p} {f}", "--edges", edges]);
    let tree = String::from_utf8(tree.output().unwrap().stdout).unwrap();
    let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.trim_end_matches(" (*)").splitn(3, ' ');
        let package = words.by_ref().take(2).collect::<Vec<_>>().join(" ");
        let features = words.next().unwrap_or_default().rsplit(' ').next().unwrap_or_default();
        all.entry(package).or_default().extend(features.split(',').map(String::from));
    }
    all
}

#[test]
fn what_programs_and_tests_share_is_built_once_for_both() {
    let (programs, tests) = (features("normal,build"), features("normal,build,dev"));
    assert!(programs.len() > 100, "{programs:?}");
    for (package, features) in programs {
        let more: Vec<_> = tests[&package].difference(&features).collect();
        assert!(more.is_empty(), "only the tests ask for {more:?} of {package}: ask for it in [dependencies] as well");
    }
}

#[test]
fn every_mistake_that_is_planted_by_hand_has_one_place_in_the_code_of_today() {
    let list = fs::read_to_string("tests/mutants.txt").unwrap();
    let (mut file, mut seen, mut lost) = ("", 0, Vec::new());
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("-", fragment)) => {
                let count = found(file, fragment.trim());
                seen += 1;
                if fragment.trim().starts_with('.') {
                    lost.push(format!("{file}: `{fragment}` is no whole expression"));
                }
                lost.extend((count != 1).then(|| format!("{file}: `{fragment}` stands there {count} times")));
            }
            Some(_) => {}
            None if !line.is_empty() => file = line,
            None => {}
        }
    }
    assert!(seen > 100 && lost.is_empty(), "{seen} of tests/mutants.txt:\n{}", lost.join("\n"));
}

/// A shell runs what stands before a mistake, and notices it only then.
#[test]
fn every_script_can_be_read_by_a_shell_to_its_end() {
    let scripts = fs::read_dir("scripts").unwrap().flatten().map(|entry| entry.path());
    let scripts: Vec<PathBuf> = scripts.filter(|path| path.extension().is_some_and(|end| end == "sh")).collect();
    assert!(scripts.len() > 5, "{scripts:?}");
    for script in scripts {
        let read = Command::new("sh").arg("-n").arg(&script).output().unwrap();
        assert!(read.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&read.stderr));
    }
}
