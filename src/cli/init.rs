//! `chimp init`: the first files for a site that is there already.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::observe::{Asked, refused, runtime};
use super::{Refused, settings};
use crate::console::{complain, say};
use crate::environment::{self, INVENTORY};
use crate::init::{Beginning, Written, files, write};
use crate::observe::{self, Observation, SiteUrl};

/// How long the site is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Write the first files for a site that is there already: a feature that runs, the settings, a test target in a crate, a nightly job.
/// Overwrites nothing.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The site: a URL, or `inventory=FILE`.
    #[arg(value_name = "URL|inventory=FILE")]
    site: String,
}

impl Init {
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let beginning = match self.site.split_once('=') {
            Some((INVENTORY, file)) => self.of_inventory(Path::new(file))?,
            _ if self.site.contains("://") => self.of_url()?,
            _ => return Err(self.neither()),
        };
        for file in files(&beginning) {
            let written =
                write(Path::new("."), &file).map_err(|why| refused(format!("{}: {why}", file.path.display())))?;
            let how = if written == Written::New { file.what } else { "is there already, and was left as it is" };
            say!("{:<30}{how}", file.path.display());
        }
        if beginning.is_crate {
            say!(
                "\nadd to Cargo.toml, where it is not there:\n\n[dev-dependencies]\nanarcho-chimp = …\n\n[[test]]\nname = \"chaos\"\nharness = false"
            );
        }
        say!("\nnext: chimp plan features/first.feature, then chimp run features/first.feature");
        Ok(ExitCode::SUCCESS)
    }

    fn neither(&self) -> Refused {
        let hint = "write `chimp init https://www.example.org/`, or `chimp init inventory=staging.yaml`";
        refused(format!("`{}` is neither a URL nor `inventory=FILE`\n  help: {hint}", self.site))
    }

    fn of_url(&self) -> Result<Beginning, Refused> {
        let url = SiteUrl::read(&self.site).map_err(refused)?;
        let slowest_ms = self.look(&url)?;
        Ok(Beginning {
            site: url.to_string(),
            given: format!("the site at \"{}\"", url.entry()),
            file: None,
            path: url.path.clone().unwrap_or_else(|| "/".into()),
            slowest_ms,
            victim: None,
            closed: None,
            is_crate: is_crate(),
        })
    }

    fn of_inventory(&self, path: &Path) -> Result<Beginning, Refused> {
        let adopted = environment::on(&self.site).map_err(refused)?;
        let adopted = adopted.kind.adopt(&adopted.value, None)?;
        let url = adopted.infrastructure.entry.url.clone().ok_or_else(|| refused("no entry"))?;
        let url = SiteUrl::read(&url.to_string()).map_err(refused)?;
        let mut servers: Vec<&String> = adopted.infrastructure.servers.keys().collect();
        // A balancer comes before what it leads to, and is no first victim.
        servers.sort_by_key(|name| adopted.infrastructure.entry.host == **name);
        let victim = servers.iter().find(|name| !adopted.closed.contains(**name)).map(|name| name.to_string());
        let closed = servers.iter().find(|name| adopted.closed.contains(**name)).map(|name| name.to_string());
        Ok(Beginning {
            site: url.to_string(),
            given: format!("the inventory in \"{}\"", from_features(path).display()),
            file: Some(path.into()),
            path: "/".into(),
            slowest_ms: self.look(&url)?,
            victim,
            closed,
            is_crate: is_crate(),
        })
    }

    /// The slowest of some requests. A site that does not answer is no mistake: its feature will say so.
    fn look(&self, url: &SiteUrl) -> Result<Option<f64>, Refused> {
        let asked = Asked::of(url.clone(), settings(None)?);
        runtime()?.block_on(async {
            let request = asked.request().await?;
            let Asked { url, settings, rate } = asked;
            complain!("looking at {url} for {} s", LOOK.as_secs());
            let observation = Observation { url, request, settings, rate, lasts: LOOK, slos: Vec::new() };
            let seen = observe::watch(&observation, |_, _| {}, std::future::pending()).await.map_err(refused)?;
            let figures = observe::figures(&seen);
            match figures.filter(|figures| figures.good > 0) {
                Some(figures) => Ok(Some(figures.max_ms)),
                None => {
                    complain!(
                        "note: {} gave no good answer; is `path` or `good_status` of `[request]` another?",
                        observation.url
                    );
                    Ok(None)
                }
            }
        })
    }
}

fn is_crate() -> bool {
    Path::new("Cargo.toml").is_file()
}

/// A path as a feature in `features/` writes it.
fn from_features(path: &Path) -> PathBuf {
    if path.is_absolute() { path.into() } else { Path::new("..").join(path) }
}
