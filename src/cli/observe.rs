//! `chimp observe`: what users of a site measure now, without a fault. `chimp calibrate`: how well that is measured from here.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::there::{There, there};
use super::{Refused, number, settings};
use crate::console::{complain, put, say};
use crate::environment::{Adopted, On};
use crate::exit;
use crate::load::PreparedRequest;
use crate::observe::calibrate::Calibration;
use crate::observe::{self, Live, Observation, SiteUrl, Slo};
use crate::settings::{Scheme, Settings};
use crate::signals::interrupted;
use crate::units::{parse_duration, show_duration, trimmed};

/// Measure a site that is there already: probes at a modest rate, no fault, no root, and nothing is written. With `--slo`, a gate. Of an
/// environment, what its users enter by is measured; no server is logged in to.
#[derive(Debug, Args)]
pub(super) struct Observe {
    #[command(flatten)]
    site: SiteArgs,
    /// What must be true: `availability >= 99.9%`, `p99 < 300ms`, `longest outage <= 1s`; may be given several times.
    #[arg(long, value_name = "OBJECTIVE", value_parser = |text: &str| text.parse::<Slo>())]
    slo: Vec<Slo>,
    /// For how long. Default: `lasts` of `[observe]`, 1 min.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    lasts: Option<Duration>,
}

/// Find out how well outages are measured on the way from here to a site: a proxy of this machine cuts the prober off for 50 ms to 5 s at a
/// time; the site itself only gets modest probes.
#[derive(Debug, Args)]
pub(super) struct Calibrate {
    #[command(flatten)]
    site: SiteArgs,
    /// How often an outage of each length is planted.
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true, value_parser = number::whole(1..=100u16))]
    times: u16,
}

/// Which site, and how it is asked.
#[derive(Debug, Args)]
struct SiteArgs {
    /// The site as its users call it: `https://www.example.org/`, with a path where another page is to be asked for. Or what `--on` takes:
    /// `inventory=FILE`, `compose`, `swarm=STACK`.
    #[arg(value_name = "URL|ENVIRONMENT")]
    site: String,
    /// Requests a second. Default: `rate` of `[observe]`, 20; more than 50 are sent only if they are asked for here.
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    /// The settings: `[request]` (headers, what is a good answer), `[load] deadline`, `[observe]`, `[steady]`. Default: `chimp.toml` of
    /// the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "a number of requests a second above 0 is expected".into())
}

/// A site that can be asked.
pub(super) struct Asked {
    pub url: SiteUrl,
    pub settings: Settings,
    pub rate: f64,
}

impl SiteArgs {
    /// What is observed, with the file that was found where none was named.
    fn named(&self, servers: Option<&(On, Adopted)>) -> String {
        let source =
            servers.and_then(|(on, there)| there.infrastructure.source.as_ref().filter(|_| on.value.is_empty()));
        source.map_or_else(|| self.site.clone(), |source| format!("{}={}", self.site, source.display()))
    }

    fn read(&self) -> Result<Asked, Refused> {
        let settings = settings(self.config.as_deref())?;
        let There { url, servers } = there(&self.site, &settings)?;
        if servers.is_some() {
            complain!("the users of {} enter at {url}", self.named(servers.as_ref()));
        }
        let asked = Asked::of(url, settings);
        Ok(Asked { rate: self.rate.unwrap_or(asked.rate), ..asked })
    }
}

impl Asked {
    /// By its URL, which says more than the settings.
    pub fn of(url: SiteUrl, mut settings: Settings) -> Asked {
        settings.request.scheme = if url.is_https() { Scheme::Https } else { Scheme::Http };
        if let Some(path) = &url.path {
            settings.request.path.clone_from(path);
        }
        let rate = settings.observe.rate;
        Asked { url, settings, rate }
    }

    /// Looks its name up.
    pub async fn request(&self) -> Result<PreparedRequest, Refused> {
        let site = self.url.look_up().await.map_err(refused)?;
        PreparedRequest::new(&self.settings.request, &site).map_err(refused)
    }
}

impl Observe {
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let asked = self.site.read()?;
        let lasts = self.lasts.unwrap_or(asked.settings.observe.lasts);
        self.slo.iter().try_for_each(|slo| enough(slo, asked.rate, lasts)).map_err(refused)?;
        runtime()?.block_on(self.observe(asked, lasts))
    }

    async fn observe(&self, asked: Asked, lasts: Duration) -> Result<ExitCode, Refused> {
        let request = asked.request().await?;
        let Asked { url, settings, rate } = asked;
        let live = Live::new(lasts, settings.load.deadline);
        let observation = Observation { url, request, settings, rate, lasts, slos: self.slo.clone() };
        let watched = observe::watch(&observation, |passed, stats| live.show(passed, stats), interrupted()).await;
        live.end();
        let seen = watched.map_err(refused)?;
        let findings = seen.findings();
        match self.site.json {
            true => say!("{}", findings.json(&observation.url)),
            false => put!("{}", observe::page(&observation.url.to_string(), &findings)),
        }
        Ok(ExitCode::from(findings.exit_code()))
    }
}

impl Calibrate {
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let asked = self.site.read()?;
        runtime()?.block_on(self.calibrate(asked))
    }

    async fn calibrate(&self, asked: Asked) -> Result<ExitCode, Refused> {
        let request = asked.request().await?;
        let (site, deadline) = (request.address(), asked.settings.load.deadline);
        let calibration = Calibration { request, site, rate: asked.rate, deadline, times: self.times.into() };
        let count = calibration.count();
        complain!(
            "{count} outages are planted between here and {}: some {}",
            asked.url,
            show_duration(calibration.lasts())
        );
        let live = |done| complain!("{done} of {count} outages");
        let Some(found) = calibration.run(live, interrupted()).await.map_err(refused)? else {
            return Ok(ExitCode::from(exit::INTERRUPTED));
        };
        match self.site.json {
            true => say!("{}", serde_json::to_string_pretty(&found).expect("figures are plain data")),
            false => put!("{}", found.page(&asked.url.to_string(), asked.rate)),
        }
        let is_blind = found.always_seen_from_ms.is_none();
        Ok(ExitCode::from(if is_blind { exit::COULD_NOT_TELL } else { exit::PASS }))
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Refused> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(Refused::Runtime)
}

pub(super) fn refused(why: impl std::fmt::Display) -> Refused {
    Refused::Observe(why.to_string())
}

/// Refuses an objective that so few requests could never tell.
fn enough(slo: &Slo, rate: f64, lasts: Duration) -> Result<(), String> {
    let (planned, needs) = (observe::planned(rate, lasts), slo.needs());
    if planned >= needs {
        return Ok(());
    }
    let longer = show_duration(Duration::from_secs_f64((needs as f64 / rate).ceil()));
    Err(format!(
        "`--slo '{}'` takes {needs} requests, and {} a second for {} are {planned}\n  help: observe it for longer: `--for '{longer}'`",
        slo.text,
        trimmed(rate, 1),
        show_duration(lasts),
    ))
}
