//! The first files of somebody who begins: a feature that runs, the settings, a test target and a nightly job. Pure: what is there was
//! looked at before, and `write` alone touches the disk.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use minijinja::{Environment, context};

use crate::report::words::seconds;

const FEATURE: &str = include_str!("templates/first.feature.jinja");
const SETTINGS: &str = include_str!("templates/chimp.toml.jinja");
const TARGET: &str = include_str!("templates/chaos.rs.jinja");
const WORKFLOW: &str = include_str!("templates/chaos.yml.jinja");

/// Where features lie.
const FEATURES: &str = "features";

/// The site that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    /// As people call it.
    pub site: String,
    /// The Given that names it.
    pub given: String,
    /// The inventory's file, where there is one.
    pub file: Option<PathBuf>,
    /// What is asked for.
    pub path: String,
    /// The slowest request of a short look, in milliseconds; `None` where none was answered well.
    pub slowest_ms: Option<f64>,
    /// A server that may be struck, and one that may not.
    pub victim: Option<String>,
    pub closed: Option<String>,
    /// Whether the working directory holds a crate.
    pub is_crate: bool,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Relative to the working directory.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What it is for.
    pub what: &'static str,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is there now.
    New,
    /// It was there before, and is as it was.
    Kept,
}

/// The files.
pub fn files(of: &Beginning) -> Vec<NewFile> {
    let file = |path: &str, what, template: &str| NewFile { path: path.into(), text: filled(template, of), what };
    let feature = file("features/first.feature", "a first feature", FEATURE);
    let settings = file("chimp.toml", "the settings", SETTINGS);
    let target = of.is_crate.then(|| file("tests/chaos.rs", "the test target", TARGET));
    let workflow = file(".github/workflows/chaos.yml", "a nightly job", WORKFLOW);
    [feature, settings].into_iter().chain(target).chain([workflow]).collect()
}

fn filled(template: &str, of: &Beginning) -> String {
    let environment = Environment::new();
    let values = context! {
        site => &of.site,
        given => &of.given,
        folder => FEATURES,
        file => of.file.as_ref().map(|file| file.display().to_string()),
        users => of.file.as_ref().map(|_| 5),
        bound => bound(of.slowest_ms),
        victim => &of.victim,
        closed => &of.closed,
        rate => if of.file.is_some() { 50 } else { 20 },
        path => &of.path,
        crate => of.is_crate,
    };
    environment.render_str(template, values).expect("the templates are constants") + "\n"
}

/// Ten times the slowest of a short look, rounded up to a number that people say; at least 200 ms.
fn bound(slowest_ms: Option<f64>) -> String {
    let wanted = (slowest_ms.unwrap_or(0.0) * 10.0).clamp(200.0, 4_000.0);
    let said = [200.0, 300.0, 500.0, 1_000.0, 2_000.0, 3_000.0, 4_000.0];
    seconds(said.into_iter().find(|ms| *ms >= wanted).unwrap_or(4_000.0) / 1e3)
}

/// Writes a file, and the folders that it lies in, unless it is there.
///
/// # Errors
/// When the disk refuses.
pub fn write(below: &Path, file: &NewFile) -> io::Result<Written> {
    let path = below.join(&file.path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::File::create_new(&path) {
        Ok(mut new) => new.write_all(file.text.as_bytes()).map(|()| Written::New),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(Written::Kept),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning() -> Beginning {
        Beginning {
            site: "https://shop.test/".into(),
            given: "the site at \"https://shop.test\"".into(),
            file: None,
            path: "/".into(),
            slowest_ms: Some(12.0),
            victim: None,
            closed: None,
            is_crate: false,
        }
    }

    fn text(of: &Beginning, path: &str) -> String {
        files(of).into_iter().find(|file| file.path == Path::new(path)).expect(path).text
    }

    #[test]
    fn a_url_has_a_scenario_without_a_fault() {
        let feature = text(&beginning(), "features/first.feature");
        assert!(feature.contains("    Given the site at \"https://shop.test\"\n    Then availability"), "{feature}");
        assert!(feature.contains("under 200 ms") && !feature.contains("When"), "{feature}");
        assert!(files(&beginning()).iter().all(|file| file.path != Path::new("tests/chaos.rs")));
        assert!(text(&Beginning { is_crate: true, ..beginning() }, "tests/chaos.rs").contains("chaos(\"features\")"));
    }

    #[test]
    fn a_fault_waits_for_a_server_that_may_be_struck() {
        let inventory = Beginning { file: Some("staging.yaml".into()), closed: Some("web-1".into()), ..beginning() };
        let feature = text(&inventory, "features/first.feature");
        assert!(
            feature.contains("# Scenario: web-1 answers late") && !feature.contains("\n  Scenario: web-1"),
            "{feature}"
        );
        let allowed = text(&Beginning { victim: Some("web-1".into()), ..inventory }, "features/first.feature");
        assert!(
            allowed.contains("\n    When the network of node \"web-1\" gains 100 ms of delay for 10 s\n"),
            "{allowed}"
        );
    }

    #[test]
    fn the_bound_leaves_room_and_is_a_number_that_people_say() {
        let bounds = [None, Some(12.0), Some(40.0), Some(70.0), Some(5000.0)].map(bound);
        assert_eq!(bounds, ["200 ms", "200 ms", "500 ms", "1 s", "4 s"]);
    }

    #[test]
    fn what_is_there_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = &files(&beginning())[0];
        assert_eq!(write(folder.path(), file).unwrap(), Written::New);
        fs::write(folder.path().join(&file.path), "mine").unwrap();
        assert_eq!(write(folder.path(), file).unwrap(), Written::Kept);
        assert_eq!(fs::read_to_string(folder.path().join(&file.path)).unwrap(), "mine");
    }
}
