//! `chimp reconcile`: the reconciler as a process of its own, against any provider that can boot.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sha2::{Digest, Sha256};

use super::place::{Ground, OnPlace};
use super::{Refused, number};
use crate::clock::Clock;
use crate::console::{complain, say};
use crate::exit;
use crate::history::Recorder;
use crate::history::recorder::Memory;
use crate::infrastructure::file;
use crate::inventory;
use crate::inventory::{Inventory, InventoryCloud};
use crate::lock::{HeldBy, Lock};
use crate::plan::reconciler_step::ReconcilerStep;
use crate::provider::passwords::Passwords;
use crate::provider::ssh::Route;
use crate::reconciler;
use crate::reconciler::{Death, Reconciler, progress};
use crate::render;
use crate::render::Addresses;
use crate::settings::Settings;
use crate::signals;
use crate::site::Site;
use crate::site::topology_lock::TopologyLock;
use crate::testbed::cloud::TestbedCloud;
use crate::testbed::protocol::{Request, Response};
use crate::units;

/// Why a cloud is refused.
const NO_CLOUD: &str =
    "in a cloud only scenarios replace servers\n  help: name `testbed`, which `chimp up` keeps up, or `inventory=FILE`";
/// Why a Compose project is refused.
const NO_PROJECT: &str = "Docker's restart policies start containers again, and an orchestrator replaces them\n  help: write `restart: always` \
                          beside a service, or run it in a Swarm";
/// Why a stack is refused.
const NO_STACK: &str = "Swarm replaces the tasks of a stack itself\n  help: look at it with `docker stack ps`; name `testbed`, which `chimp up` keeps up, or \
                        `inventory=FILE`";
/// How often what happened is shown.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// Keep a site as it is declared, by replacing what is missing, until Ctrl-C; its state is on disk, so that it may be killed.
///
/// The missing servers of an inventory are reported, and not booted.
#[derive(Debug, Clone, Args)]
pub(super) struct Reconcile {
    /// The declared servers: an infrastructure (`.yaml`), or a list of names and types (`.json`).
    file: PathBuf,
    /// The time from one comparison to the next.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = units::parse_duration)]
    every: Duration,
    /// Compare once, replace what is missing, and end.
    #[arg(long, conflicts_with = "dry_run")]
    once: bool,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// The file for the reconciler's state. Default: beside FILE, with `.state.json` at the end.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    place: OnPlace,
    /// The seed that draws the jitter between retries. Default: drawn from the clock.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number::whole(0..=u64::MAX))]
    seed: Option<u64>,
    /// The settings that override the defaults. Default: `chimp.toml` of the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For tests of the harness: it kills itself with SIGKILL when it comes to this step.
    #[arg(long, hide = true, value_name = "STEP")]
    die_at: Option<ReconcilerStep>,
}

/// Why there is nothing to reconcile with.
#[derive(Debug, thiserror::Error)]
enum NotReconciled {
    #[error(transparent)]
    Testbed(#[from] crate::testbed::TestbedError),
    #[error(transparent)]
    Provider(#[from] crate::provider::ProviderError),
    #[error(transparent)]
    State(#[from] reconciler::state::StateError),
    #[error(transparent)]
    Failure(#[from] reconciler::Failure),
    #[error("{}: another reconciler keeps its state there: {by}\n  help: let that one go on, or end it with Ctrl-C; `--state FILE` is for another site, `--dry-run` only looks", .state.display())]
    Held { state: PathBuf, by: String },
    #[error("can't find out whether another reconciler is at work: {0}")]
    Lock(std::io::Error),
}

impl Reconcile {
    /// Does it; returns when it is interrupted, or is done.
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let mut settings = super::settings(self.config.as_deref())?;
        // There is no config agent beside it: what it boots has its role from the first.
        settings.config_agent.enabled = false;
        self.place.only_a_place()?;
        let place = self.place.ground(self.config.as_deref())?;
        let infrastructure = file::read(&self.file)?;
        render::check_templates(&infrastructure, &settings)?;
        let (recorder, memory) = Recorder::memory(Clock::start());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Refused::Runtime)?;
        let opened = match &place {
            Ground::Compose(_) => return Err(self.place.refused(self.config.as_deref(), NO_PROJECT)),
            Ground::Swarm(_) => return Err(self.place.refused(self.config.as_deref(), NO_STACK)),
            Ground::OpenStack(_) => return Err(self.place.refused(self.config.as_deref(), NO_CLOUD)),
            Ground::Testbed(socket) => self.at_testbed(socket, infrastructure, settings, recorder),
            Ground::Inventory(file) => {
                let inventory = (file.as_path(), inventory::file::read(file)?);
                runtime.block_on(self.at_inventory(inventory, infrastructure, settings, recorder))
            }
        };
        let done = opened.and_then(|(site, config)| runtime.block_on(self.reconcile(site, config, &memory)));
        runtime.shutdown_background();
        Ok(ExitCode::from(done.unwrap_or_else(|why| {
            complain!("chimp: {why}");
            exit::COULD_NOT_TELL
        })))
    }

    fn at_testbed(
        &self,
        socket: &Path,
        infrastructure: crate::infrastructure::Infrastructure,
        settings: Settings,
        recorder: Recorder,
    ) -> Result<(Site, reconciler::Config), NotReconciled> {
        let cloud = TestbedCloud::open(socket)?;
        let of = match cloud.testbed().ask(&Request::Who)? {
            // What it kept is gone with it: a testbed that comes after it has a state of its own.
            Response::Testbed { pid, .. } => format!("testbed {pid}"),
            other => return Err(cloud.testbed().unexpected(&other).into()),
        };
        let (kept, secrets) = (cloud.kept().clone(), cloud.secrets());
        let provider = Arc::new(cloud);
        let site = Site {
            addresses: kept.addresses.extended(&infrastructure),
            infrastructure: Arc::new(infrastructure),
            settings,
            entry: None,
            provider,
            recorder,
            secrets,
            databases: TopologyLock::default(),
        };
        // What is there was booted as the testbed's own file says.
        let as_kept = Site { infrastructure: Arc::new(kept.infrastructure), addresses: kept.addresses, ..site.clone() };
        Ok((site, self.how(of, &as_kept)))
    }

    async fn at_inventory(
        &self,
        (file, inventory): (&Path, Inventory),
        infrastructure: crate::infrastructure::Infrastructure,
        settings: Settings,
        recorder: Recorder,
    ) -> Result<(Site, reconciler::Config), NotReconciled> {
        let secrets = inventory.secrets();
        let cloud = InventoryCloud::new(inventory, Passwords::default(), Route::Direct);
        let hosts = cloud.addresses().await?;
        let there =
            Addresses { servers: hosts, virtual_ips: Default::default(), prefix: 24, aliases: Default::default() };
        let site = Site {
            addresses: there.extended(&infrastructure),
            infrastructure: Arc::new(infrastructure),
            settings,
            entry: None,
            provider: Arc::new(cloud),
            recorder,
            secrets,
            databases: TopologyLock::default(),
        };
        let how = self.how(format!("inventory {}", file.display()), &site);
        Ok((site, how))
    }

    fn how(&self, of: String, as_it_is: &Site) -> reconciler::Config {
        reconciler::Config {
            every: self.every,
            state: self.state.clone().unwrap_or_else(|| self.file.with_extension("state.json")),
            of,
            known: reconciler::as_provisioned(as_it_is),
            seed: self.seed.unwrap_or_else(super::drawn_seed),
        }
    }

    async fn reconcile(&self, site: Site, config: reconciler::Config, memory: &Memory) -> Result<u8, NotReconciled> {
        if self.dry_run {
            return self.show_plan(site, config).await;
        }
        let _alone = alone(&config.state)?;
        let interrupted = signals::interrupted();
        let servers = site.infrastructure.servers.len();
        let reconciler = Reconciler::open(site, &config, Death::of_this_process(self.die_at))?;
        say!(
            "{}: {servers} servers declared; compared {}",
            self.file.display(),
            if self.once { "once".into() } else { format!("every {}", units::show_duration(self.every)) }
        );
        let work = async {
            match self.once {
                true => Some(reconciler.once().await),
                false => {
                    reconciler.run().await;
                    None
                }
            }
        };
        let showing = async {
            loop {
                tokio::time::sleep(SHOW_EVERY).await;
                show(memory);
            }
        };
        let ended: Result<Option<bool>, &str> = tokio::select! {
            done = work => Ok(done),
            signal = interrupted => Err(signal),
            () = showing => Ok(None),
        };
        show(memory);
        Ok(match ended {
            Ok(Some(false)) => {
                say!("not everything is as declared; what was started is recorded in {}", config.state.display());
                exit::COULD_NOT_TELL
            }
            Ok(_) => {
                say!("everything is as declared");
                exit::PASS
            }
            Err(signal) => {
                say!("{signal}: a boot under way goes on at the provider; the next `chimp reconcile` takes it over");
                exit::PASS
            }
        })
    }

    async fn show_plan(&self, site: Site, config: reconciler::Config) -> Result<u8, NotReconciled> {
        let plan = Reconciler::consult(site, &config)?.plan().await?;
        match plan.lines.is_empty() {
            true => say!("everything is as declared: nothing to do"),
            false => plan.lines.iter().for_each(|line| say!("would {line}")),
        }
        Ok(if plan.impossible { exit::COULD_NOT_TELL } else { exit::PASS })
    }
}

/// Two with one state would each take the other's boots for its own.
fn alone(state: &Path) -> Result<Lock, NotReconciled> {
    let folder = state.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = folder.canonicalize().unwrap_or_else(|_| folder.into()).join(state.file_name().unwrap_or_default());
    let digest = Sha256::digest(place.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let taken = Lock::take(&name).map_err(NotReconciled::Lock)?;
    taken.map_err(|HeldBy(by)| NotReconciled::Held { state: state.into(), by })
}

/// Shows what happened since the last time.
fn show(memory: &Memory) {
    for record in memory.take_events() {
        if let Some(line) = progress::line(&record.event) {
            say!("{} {line}", jiff::Zoned::now().strftime("%H:%M:%S"));
        }
    }
}
