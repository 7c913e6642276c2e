//! The ladder on a Compose project that is not of our kind: from the first look to a fault in the one service that was allowed.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

use crate::support::{Folder, chimp, run, stdout};
use crate::{Project, await_clean, said};

/// The settings that let it be struck.
const ALLOWED: (&str, &str) = ("# attack = [\"app\"]", "attack = [\"app\"]");

/// The shop's own files in another folder, where it runs as it would for its owner.
fn shop(folder: &Folder) -> Project {
    let copied =
        run(std::process::Command::new("cp").args(["-r", "fixtures/examples/compose-shop/."]).arg(folder.path()));
    assert!(copied.status.success(), "{}", said(&copied));
    // What it comes with is what somebody begins without.
    fs::remove_file(folder.path().join("chimp.toml")).unwrap();
    fs::remove_dir_all(folder.path().join("features")).unwrap();
    let project = Project { file: folder.path().join("docker-compose.yml") };
    project.compose(&["up", "-d"]);
    project
}

fn passes(folder: &Folder, words: &[&str]) -> Output {
    let output = run(chimp(words).current_dir(folder.path()));
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", said(&output));
    output
}

fn change(path: &Path, changes: &[(&str, &str)]) {
    let text = fs::read_to_string(path).unwrap();
    let changed = changes.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
    assert_ne!(text, changed, "{changes:?} in {}", path.display());
    fs::write(path, changed).unwrap();
}

pub fn a_first_verdict_and_a_first_fault_come_with_what_init_writes() {
    let folder = Folder::new("compose-begun");
    let _project = shop(&folder);
    let begun = Instant::now();
    let gate = ["--for", "2s", "--rate", "40", "--slo", "availability > 99%"];
    let observed = said(&passes(&folder, &[&["observe", "compose"], &gate[..]].concat()));
    assert!(observed.contains("the users of compose=docker-compose.yml enter at http://127.0.0.1:8080/"), "{observed}");
    let written = said(&passes(&folder, &["init"]));
    assert!(written.contains("docker-compose.yml is here: its project is the site"), "{written}");
    let first = folder.path().join("features/first.feature");
    let feature = fs::read_to_string(&first).unwrap();
    for expected in [
        "    Given the Compose project in \"../docker-compose.yml\"\n",
        "#   app: app-1, app-2, app-3\n",
        "under `[compose]` of chimp.toml",
        "  # Scenario: app-1 answers late\n",
    ] {
        assert!(feature.contains(expected), "{expected}: {feature}");
    }
    assert!(!feature.contains(&folder.path().display().to_string()), "it names no path of this machine: {feature}");
    assert!(!stdout(&passes(&folder, &["plan", "features"])).contains("answers late"), "nothing is struck at first");
    let out = ["--seed", "7", "--out", "reports"];
    passes(&folder, &[&["run", "features"], &out[..]].concat());
    println!("the first verdict came after {:?}", begun.elapsed());
    assert_eq!(folder_record(&folder).len(), 1);

    change(&first, &[("\n  # @fault", "\n  @fault"), ("\n  # Scenario", "\n  Scenario"), ("\n  #   ", "\n    ")]);
    let closed = run(chimp(&["plan", "features"]).current_dir(folder.path()));
    assert!(closed.status.code() == Some(2) && said(&closed).contains("under `[compose]`"), "{}", said(&closed));
    change(&folder.path().join("chimp.toml"), &[ALLOWED]);
    passes(&folder, &[&["run", "features"], &out[..]].concat());
    let scenarios = folder_record(&folder);
    let strikes: Vec<_> = scenarios.iter().flat_map(|one| one["strikes"].as_array().unwrap()).collect();
    assert_eq!((scenarios.len(), strikes.len()), (2, 1), "{scenarios:?}");
    assert!(strikes[0]["witness"].as_str().is_some_and(|witness| !witness.is_empty()), "{}", strikes[0]);
    println!("the first fault was judged after {:?}", begun.elapsed());
    await_clean();
}

fn folder_record(folder: &Folder) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.path().join("reports/latest/run.json")).expect("the run wrote a bundle");
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    record["scenarios"].as_array().unwrap().clone()
}
