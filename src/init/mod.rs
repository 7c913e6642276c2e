//! The first files of somebody who begins: a feature that runs, the settings, a test target and a nightly job. Pure: what is there was
//! looked at before, and `write` alone touches the disk.

use std::collections::BTreeMap;
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

/// What the first files are written for.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    /// The site.
    pub site: SiteAt,
    /// What is asked for.
    pub path: String,
    /// The slowest request of a short look, in milliseconds; `None` where none was answered well.
    pub slowest_ms: Option<f64>,
    /// Whether the working directory holds a crate.
    pub is_crate: bool,
}

/// Where a site is.
#[derive(Debug, Clone, PartialEq)]
pub enum SiteAt {
    /// None is there: it boots in the sandbox.
    Sandbox,
    /// One is there already.
    There {
        /// Where its users enter.
        url: String,
        /// The Given that names it.
        given: String,
        /// Its servers; `None`: nothing is known of them.
        servers: Option<Servers>,
    },
}

/// Servers that are there already.
#[derive(Debug, Clone, PartialEq)]
pub struct Servers {
    /// Their names, by what steps call them: `webserver`, `load balancer`.
    pub words: BTreeMap<String, Vec<String>>,
    /// The first that is to be struck.
    pub victim: String,
    /// How that is allowed, in the imperative; `None`: it is.
    pub opt_in: Option<String>,
    /// The service that it is a container of, in a Compose project or a stack.
    pub service: Option<Service>,
}

/// A service whose containers are servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The section of the settings in which it is allowed: `compose`.
    pub section: &'static str,
    /// Its name.
    pub name: String,
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
    let (url, given, servers) = match &of.site {
        SiteAt::Sandbox => (None, None, None),
        SiteAt::There { url, given, servers } => (Some(url), Some(given), servers.as_ref()),
    };
    let words = servers.iter().flat_map(|servers| &servers.words);
    let values = context! {
        sandbox => of.site == SiteAt::Sandbox,
        site => url.map_or("a website", String::as_str),
        given,
        words => words.map(|(word, servers)| context! { word, servers }).collect::<Vec<_>>(),
        victim => servers.map(|servers| &servers.victim),
        opt_in => servers.and_then(|servers| servers.opt_in.as_ref()),
        section => servers.and_then(|servers| servers.service.as_ref()).map(|service| service.section),
        service => servers.and_then(|servers| servers.service.as_ref()).map(|service| &service.name),
        rate => rate(&of.site),
        bound => bound(of.slowest_ms),
        folder => FEATURES,
        path => &of.path,
        crate => of.is_crate,
    };
    environment.render_str(template, values).expect("the templates are constants") + "\n"
}

/// Probes a second: few where nothing is known of a site, and as many as is usual where it is ours.
fn rate(of: &SiteAt) -> u32 {
    match of {
        SiteAt::Sandbox => 500,
        SiteAt::There { servers: Some(_), .. } => 50,
        SiteAt::There { servers: None, .. } => 20,
    }
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
        Beginning { site: there(None), path: "/".into(), slowest_ms: Some(12.0), is_crate: false }
    }

    fn there(servers: Option<Servers>) -> SiteAt {
        SiteAt::There { url: "https://shop.test/".into(), given: "the site at \"https://shop.test\"".into(), servers }
    }

    fn text(of: &Beginning, path: &str) -> String {
        files(of).into_iter().find(|file| file.path == Path::new(path)).expect(path).text
    }

    /// The lines of the feature that say something.
    fn steps(of: &Beginning) -> Vec<String> {
        let feature = text(of, "features/first.feature");
        feature.lines().map(str::trim).filter(|line| !line.starts_with('#')).map(String::from).collect()
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
    fn a_fault_is_there_to_be_allowed_and_uncommented() {
        let servers = Servers {
            words: BTreeMap::from([("webserver".into(), vec!["web-1".into(), "web-2".into()])]),
            victim: "web-1".into(),
            opt_in: Some("write `attack: allowed` beside web-1 in staging.yaml".into()),
            service: None,
        };
        let closed = Beginning { site: there(Some(servers.clone())), ..beginning() };
        let feature = text(&closed, "features/first.feature");
        for expected in [
            "#   webserver: web-1, web-2\n",
            "before it is allowed: write `attack: allowed` beside web-1 in staging.yaml.\n",
            "\n  #   When the network of node \"web-1\" gains 100 ms of delay for 10 s\n",
        ] {
            assert!(feature.contains(expected), "{expected}: {feature}");
        }
        assert!(!text(&closed, "chimp.toml").contains("[compose]"));
        let container =
            Servers { service: Some(Service { section: "compose", name: "app".into() }), ..servers.clone() };
        let compose = Beginning { site: there(Some(container)), ..beginning() };
        let feature = text(&compose, "features/first.feature");
        assert!(
            feature.contains("take the `# ` of\n  # `# attack` away, under `[compose]` of chimp.toml.\n"),
            "{feature}"
        );
        assert!(
            text(&compose, "chimp.toml").contains("\n[compose]\n")
                && text(&compose, "chimp.toml").contains("# attack = [\"app\"]\n")
        );
        let task = Servers { service: Some(Service { section: "swarm", name: "app".into() }), ..servers.clone() };
        let swarm = text(&Beginning { site: there(Some(task)), ..beginning() }, "chimp.toml");
        assert!(swarm.contains("\n[swarm]\n") && swarm.contains("# nodes = {"), "{swarm}");
        let allowed = Beginning { site: there(Some(Servers { opt_in: None, ..servers })), ..beginning() };
        assert!(!text(&allowed, "features/first.feature").contains("before it is allowed"));
        for of in [closed, allowed] {
            assert!(!steps(&of).join("\n").contains("When "), "it strikes nothing at first");
        }
    }

    #[test]
    fn without_a_site_one_boots_in_the_sandbox() {
        let sandbox = Beginning { site: SiteAt::Sandbox, slowest_ms: None, ..beginning() };
        let steps = steps(&sandbox);
        assert!(steps.contains(&"Given 2 webservers behind haproxy".into()), "{steps:?}");
        assert!(text(&sandbox, ".github/workflows/chaos.yml").contains("sudo -E chimp run features"));
        assert!(text(&sandbox, "chimp.toml").contains("rate = 500\n"));
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
