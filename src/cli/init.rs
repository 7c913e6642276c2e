//! `chimp init`: the first files, for a site that is there already or for one that boots in the sandbox.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::observe::{Asked, runtime};
use super::there::{There, there};
use super::{Refused, settings};
use crate::console::{complain, say};
use crate::environment::compose::FILES;
use crate::environment::{Adopted, COMPOSE, INVENTORY, On, SWARM};
use crate::infrastructure::Infrastructure;
use crate::init::{Beginning, Servers, Service, SiteAt, Written, files, write};
use crate::load::LoadError;
use crate::observe::{self, Observation, SiteUrl};

/// How long the site is looked at.
const LOOK: Duration = Duration::from_secs(3);
/// The environment of this machine's own, whose site is made for a run.
const SANDBOX: &str = "local";

/// Write the first files: a feature that runs, the settings, a test target in a crate, a nightly job. Overwrites nothing.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The site: a URL, or what `--on` takes, such as `inventory=FILE`. Default: the Compose project of the working directory, if there is
    /// one, else a site that boots in the sandbox (`local`).
    #[arg(value_name = "URL|ENVIRONMENT")]
    site: Option<String>,
}

/// Why not all of the files were written.
#[derive(Debug, thiserror::Error)]
pub(super) enum InitError {
    /// The site can't be asked.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The disk refuses.
    #[error("{}: can't be written: {source}\n  help: correct that, and give the same command again; what was written stays as it is", .path.display())]
    Unwritten { path: PathBuf, source: io::Error },
}

impl Init {
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let named = self.site.clone().or_else(found).unwrap_or_else(|| SANDBOX.into());
        let beginning = match named.as_str() {
            SANDBOX => Beginning { site: SiteAt::Sandbox, path: "/".into(), slowest_ms: None, is_crate: is_crate() },
            _ => of(there(&named, &settings(None)?)?)?,
        };
        for file in files(&beginning) {
            let written = write(Path::new("."), &file)
                .map_err(|source| InitError::Unwritten { path: file.path.clone(), source })?;
            let how = if written == Written::New { file.what } else { "is there already, and was left as it is" };
            say!("{:<30}{how}", file.path.display());
        }
        if beginning.is_crate {
            say!(
                "\nadd to Cargo.toml, where it is not there:\n\n[dev-dependencies]\nanarcho-chimp = …\n\n[[test]]\nname = \"chaos\"\nharness = false"
            );
        }
        let is_compose = named.split('=').next() == Some(COMPOSE);
        // The sandbox takes root's rights, and so do faults in containers.
        let takes_root = named == SANDBOX || is_compose;
        let sudo = if takes_root && !nix::unistd::geteuid().is_root() { "sudo " } else { "" };
        say!("\nnext: {sudo}chimp plan features/first.feature, then {sudo}chimp run features/first.feature");
        if takes_root {
            let on = if is_compose { " --on compose" } else { "" };
            say!("      {sudo}chimp doctor{on} says what this machine lacks for it");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What is there in the working directory.
fn found() -> Option<String> {
    let file = FILES.into_iter().find(|file| Path::new(file).is_file())?;
    complain!("{file} is here: its project is the site; `chimp init {SANDBOX}` takes no notice of it");
    Some(format!("{COMPOSE}={file}"))
}

fn of(There { url, servers }: There) -> Result<Beginning, Refused> {
    let (given, servers) = match servers {
        Some((on, adopted)) => (given(&on, &adopted), servers_of(&on, &adopted)),
        None => (format!("the site at \"{}\"", url.entry()), None),
    };
    Ok(Beginning {
        path: url.path.clone().unwrap_or_else(|| "/".into()),
        slowest_ms: look(&url)?,
        site: SiteAt::There { url: url.to_string(), given, servers },
        is_crate: is_crate(),
    })
}

/// The Given that names the same environment in a feature below `features/`.
fn given(on: &On, adopted: &Adopted) -> String {
    let file = || from_features(&file_of(on, adopted)).display().to_string();
    match on.kind.name() {
        INVENTORY => format!("the inventory in \"{}\"", file()),
        COMPOSE => format!("the Compose project in \"{}\"", file()),
        SWARM => format!("the stack \"{}\"", on.value),
        name => format!("the {name} at \"{}\"", on.value),
    }
}

/// The file that describes the servers.
fn file_of(on: &On, adopted: &Adopted) -> PathBuf {
    match &adopted.infrastructure.source {
        Some(source) if on.value.is_empty() => from_here(source.display().to_string()).into(),
        _ => PathBuf::from(&on.value),
    }
}

fn servers_of(on: &On, adopted: &Adopted) -> Option<Servers> {
    let there = &adopted.infrastructure;
    let is_closed = |name: &String| adopted.closed.contains(name);
    // Users enter by a balancer, and that is no first victim; what it leads to is.
    let is_led_to = |name: &String| there.links.iter().any(|(from, to)| to == name && is_entry(there, from));
    let victim = there.servers.keys().min_by_key(|name| (is_closed(name), is_entry(there, name), !is_led_to(name)))?;
    let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, server) in &there.servers {
        words.entry(there.roles[&server.role].noun.clone()).or_default().push(name.clone());
    }
    let opt_in = is_closed(victim).then(|| from_here(on.kind.opt_in(&on.value, victim)));
    let section = [COMPOSE, SWARM].into_iter().find(|name| *name == on.kind.name());
    let service = section.map(|section| Service { section, name: there.servers[victim].role.clone() });
    Some(Servers { words, victim: victim.clone(), opt_in, service })
}

/// Whether users enter at this server, or at an address that it may hold.
fn is_entry(there: &Infrastructure, server: &String) -> bool {
    let host = &there.entry.host;
    host == server || there.virtual_ips.iter().any(|ip| ip.name == *host && ip.holders.contains(server))
}

/// The slowest of some requests. A site that does not answer is no mistake: its feature will say so.
fn look(url: &SiteUrl) -> Result<Option<f64>, Refused> {
    let asked = Asked::of(url.clone(), settings(None)?);
    runtime()?.block_on(async {
        let request = asked.request().await?;
        let Asked { url, settings, rate } = asked;
        complain!("looking at {url} for {} s", LOOK.as_secs());
        let observation = Observation { url, request, settings, rate, lasts: LOOK, slos: Vec::new() };
        let seen = observe::watch(&observation, |_, _| {}, std::future::pending()).await;
        let seen = seen.map_err(InitError::from)?;
        let Some(figures) = seen.findings().figures.filter(|figures| figures.good > 0) else {
            let site = observation.url;
            complain!("note: {site} gave no good answer; is `path` or `good_status` of `[request]` another?");
            return Ok(None);
        };
        Ok(Some(figures.max_ms))
    })
}

fn is_crate() -> bool {
    Path::new("Cargo.toml").is_file()
}

/// A path as a feature in `features/` writes it.
fn from_features(path: &Path) -> PathBuf {
    if path.is_absolute() { path.into() } else { Path::new("..").join(path) }
}

/// Paths in a text as they are written from the working directory: files that are kept with a project name none of a machine's own.
fn from_here(text: String) -> String {
    let here = std::env::current_dir().map(|here| format!("{}/", here.display()));
    here.map_or(text.clone(), |here| text.replace(&here, ""))
}
