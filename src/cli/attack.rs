//! `chimp attack`, `chimp heal`, `chimp replay`: the attacker by itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::place::{Ground, OnPlace};
use super::{DEFAULT_OUT, Refused, drawn_seed, number};
use crate::attack::execute::{self, Options, PLAN_FILE};
use crate::attack::{self, AttackError, AttackPlan, heal};
use crate::console::{complain, put, say};
use crate::draw::Draw;
use crate::environment::compose::Compose;
use crate::environment::inventory::Inventory;
use crate::environment::openstack::OpenStack;
use crate::environment::swarm::Swarm;
use crate::environment::testbed::Testbed;
use crate::environment::{Access, Kind as _};
use crate::exit;
use crate::graph::Measure;
use crate::harness;
use crate::journal::{Place, Stage};
use crate::nemesis::Sabotage;
use crate::run::bundle::Bundle;
use crate::settings::{Safeguards, Settings};

mod rounds;

/// The failure models of the attacker.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Model {
    /// Terminate servers drawn at random, none of them twice; with --for they lose power and come back. A cloud deletes what is terminated, with its
    /// disk.
    Random(#[command(flatten)] Common),
    /// Cut servers drawn at random off the network: sets the policies of iptables to DROP over SSH, after a delay. Servers that nothing
    /// says how to log in to are isolated by their cloud at once, as `is isolated` does.
    Network {
        #[command(flatten)]
        common: Common,
        /// The delay before the network is cut, so that the SSH session can end first.
        #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = crate::units::parse_duration)]
        after: Duration,
    },
    /// Kill a process drawn at random from a list, over SSH.
    Process {
        #[command(flatten)]
        common: Common,
        /// The processes: a JSON object that lists names of processes for each server.
        #[arg(long, value_name = "FILE")]
        processes: PathBuf,
        /// The signal, without SIG. STOP needs --for; with any other the process is not started again.
        #[arg(long, default_value = "KILL")]
        signal: String,
    },
    /// Terminate the servers that matter most in the graph of their links.
    Graph {
        #[command(flatten)]
        common: Common,
        /// The graph: servers with `in` and `out` links (`.json`), `.graphml` or `.dot`. Default: the links that the testbed, the inventory or `chimp_links` in the
        /// metadata of a cloud's servers declares.
        #[arg(long, value_name = "FILE")]
        graph: Option<PathBuf>,
        /// The measure of how much a server matters.
        #[arg(long, value_enum, default_value_t = Measure::Degree)]
        by: Measure,
    },
    /// Strike named servers with any fault.
    Fault {
        #[command(flatten)]
        common: Common,
        /// The name of the fault: `hangs`, `gains-delay`, …; a name that there is not is answered with all of them.
        fault: String,
        /// The server to strike: at least one; may be given several times.
        #[arg(long = "server", value_name = "SERVER", required_unless_present = "on")]
        servers: Vec<String>,
        /// The parameters of the fault, as JSON, for example `{"delay": "100ms"}`.
        #[arg(long, value_name = "JSON", default_value = "{}")]
        with: String,
        /// For `partition`: the server that they no longer hear; may be given several times.
        #[arg(long, value_name = "SERVER")]
        from: Vec<String>,
    },
}

/// What every failure model takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// Only servers with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// How many rounds to attack, one after the other.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = number::whole(1..=1000u16))]
    repeat: u16,
    /// How many servers to strike in each round. Default: 1.
    #[arg(long, value_name = "N", conflicts_with = "percent", allow_negative_numbers = true, value_parser = number::whole(0..=usize::MAX))]
    count: Option<usize>,
    /// Which share of the remaining servers to strike in each round, in percent.
    #[arg(long, value_name = "P", allow_negative_numbers = true, value_parser = number::percent)]
    percent: Option<f64>,
    /// The seed: the same one chooses the same victims. Default: drawn from the clock, and printed.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number::whole(0..=u64::MAX))]
    seed: Option<u64>,
    /// Print the whole plan and touch nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long each fault lasts before it is healed.
    #[arg(long = "for", value_name = "DURATION", value_parser = crate::units::parse_duration)]
    lasts: Option<Duration>,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    how: Conduct,
}

/// Where the servers are.
#[derive(Debug, Clone, Args)]
pub(super) struct At {
    #[command(flatten)]
    place: OnPlace,
    #[command(flatten)]
    login: LogIn,
}

/// How to log in, where a key is not enough.
#[derive(Debug, Clone, Args)]
pub(super) struct LogIn {
    /// The root passwords: a JSON object with one for each server, in a file that only its owner may read. They are never printed or logged.
    #[arg(long, value_name = "FILE")]
    passwords: Option<PathBuf>,
}

/// How it is carried out.
#[derive(Debug, Clone, Args)]
pub(super) struct Conduct {
    /// The folder for bundles: each attack or run gets `DIR/<run-id>`.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
    out: PathBuf,
    /// How long a fault stays in force after this process was killed; then the victim heals itself.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = crate::units::parse_duration)]
    lease: Duration,
    /// The settings that override the defaults, the safeguards among them. Default: `chimp.toml` of the working directory, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For tests of the harness: plants a lie.
    #[arg(long = "lie", hide = true, value_name = "LIE", value_parser = ["faults", "heals", "witnesses", "stamps"])]
    lies: Vec<String>,
    /// For tests of the harness: kills itself at this stage.
    #[arg(long, hide = true, value_name = "STAGE")]
    die_at: Option<Stage>,
}

/// `chimp heal`
#[derive(Debug, Clone, Args)]
pub(super) struct Heal {
    /// The bundle whose faults are undone. Default: every bundle below --out that has faults to undo.
    run: Option<PathBuf>,
    /// The folder with the bundles.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
    out: PathBuf,
    #[command(flatten)]
    login: LogIn,
}

/// `chimp replay`
#[derive(Debug, Clone, Args)]
pub(super) struct Replay {
    /// The bundle with the plan: `reports/<run-id>` or `reports/latest`.
    run: PathBuf,
    #[command(flatten)]
    scenarios: super::How,
    #[command(flatten)]
    login: LogIn,
    #[command(flatten)]
    how: Conduct,
}

impl Model {
    /// Plans the attack and carries it out.
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let common = self.common();
        let seed = common.seed.unwrap_or_else(drawn_seed);
        if !matches!(self, Model::Fault { .. }) {
            common.at.place.only_a_place()?;
        }
        let at = common.at.place(common.how.config.as_deref())?;
        let passwords = common.at.login.passwords.clone();
        let options = common.how.options()?;
        on_runtime(async {
            let field = execute::field(&at, passwords).await?;
            self.note();
            let rounds = self.rounds(&field, Draw::of(seed)).map_err(AttackError::Usage)?;
            let skipped = self.skipped(&field);
            let plan = AttackPlan { schema: attack::plan::SCHEMA, seed, place: at, skipped, rounds };
            field.check(&plan)?;
            put!("{}", field.shown(&plan));
            if common.dry_run {
                say!("dry run: nothing was touched");
                return Ok(exit::PASS);
            }
            execute::execute(&plan, &field, &options).await
        })
    }

    /// Says on stderr what is missing in the graph that an inventory declares, where servers are chosen by it.
    fn note(&self) {
        let Model::Graph { common, graph: None, .. } = self else { return };
        if let Ok(Ground::Inventory(file)) = common.at.place.ground(common.how.config.as_deref()) {
            for note in Inventory.notes(&file.display().to_string(), &Settings::default()) {
                complain!("note: {note}");
            }
        }
    }

    fn common(&self) -> &Common {
        match self {
            Model::Random(common)
            | Model::Network { common, .. }
            | Model::Process { common, .. }
            | Model::Graph { common, .. }
            | Model::Fault { common, .. } => common,
        }
    }
}

impl At {
    /// `config`: the file of settings, if one was named.
    fn place(&self, config: Option<&Path>) -> Result<Place, Refused> {
        match self.place.ground(config)? {
            Ground::Inventory(file) => Inventory::place(&absolute(&file)?),
            Ground::Testbed(socket) => Testbed::place(&absolute(&socket)?),
            Ground::Compose(file) => {
                let file = if file.is_empty() { file } else { absolute(Path::new(&file))?.display().to_string() };
                Compose::place(&file, &super::settings(config)?.compose)
            }
            Ground::Swarm(stack) => Swarm::place(&stack, &super::settings(config)?.swarm),
            Ground::OpenStack(cloud) => {
                let file = super::config_in_force(config).map(|file| absolute(&file)).transpose()?;
                OpenStack::attacked(&cloud, super::settings(config)?.openstack, file)
            }
        }
        .map_err(|why| Refused::Attack(why.into()))
    }
}

/// So that a heal finds it from any folder.
fn absolute(path: &Path) -> Result<PathBuf, Refused> {
    std::path::absolute(path).map_err(|source| Refused::Attack(AttackError::Bundle { path: path.into(), source }))
}

impl Conduct {
    fn options(&self) -> Result<Options, Refused> {
        let lies = |lie: &str| self.lies.iter().any(|asked| asked == lie);
        Ok(Options {
            out: self.out.clone(),
            lease: self.lease,
            sabotage: Sabotage {
                faults: lies("faults"),
                heals: lies("heals"),
                witnesses: lies("witnesses"),
                stamps: lies("stamps"),
            },
            safeguards: self.safeguards()?,
            die_at: self.die_at,
        })
    }

    /// Those of the settings: names and tags that are protected, and how many may be struck at once.
    fn safeguards(&self) -> Result<Safeguards, Refused> {
        Ok(super::settings(self.config.as_deref())?.safeguards)
    }
}

impl Heal {
    /// Undoes what journals hold open.
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let passwords = self.login.passwords.clone();
        on_runtime(async {
            let bundles = match &self.run {
                Some(run) => vec![heal::named_bundle(run)?],
                None => heal::open_bundles(&self.out)?,
            };
            if bundles.is_empty() {
                let out = std::path::absolute(&self.out).unwrap_or_else(|_| self.out.clone());
                say!("{}: nothing is open in its bundles", out.display());
            }
            if let [bundle] = bundles.as_slice() {
                return heal::heal(bundle, passwords).await;
            }
            Ok(heal::heal_each(&bundles, passwords).await)
        })
    }
}

impl Replay {
    /// A scenario run's plan, or an attack's.
    pub(super) fn run(&self) -> Result<ExitCode, Refused> {
        let path = self.run.join(PLAN_FILE);
        if !path.exists() {
            let bundle = Bundle::open(&self.run)?;
            let words = super::command("chimp", bundle.plan().seed, true);
            let access = Access { passwords: self.login.passwords.clone() };
            return Ok(harness::replay(bundle.plan(), &access, &self.scenarios.options(self.how.out.clone(), words)));
        }
        let plan = AttackPlan::read(&path).map_err(AttackError::from)?;
        let passwords = self.login.passwords.clone();
        let options = self.how.options()?;
        on_runtime(async {
            let field = execute::field(&plan.place, passwords).await?;
            field.check(&plan)?;
            put!("{}", field.shown(&plan));
            execute::execute(&plan, &field, &options).await
        })
    }
}

/// Mistakes as `chimp plan` tells them, with how many they are. What follows an error below it is indented.
fn told(mistakes: &str) -> String {
    let count = mistakes.lines().filter(|line| !line.starts_with(' ')).count();
    let count = if count == 1 { "1 error".to_string() } else { format!("{count} errors") };
    format!("{mistakes}\n{count}; nothing was touched")
}

fn on_runtime(work: impl Future<Output = Result<u8, AttackError>>) -> Result<ExitCode, Refused> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Refused::Runtime)?;
    match runtime.block_on(work) {
        Ok(code) => Ok(ExitCode::from(code)),
        Err(AttackError::Usage(mistakes)) => {
            complain!("{}", told(&mistakes));
            Ok(ExitCode::from(exit::USAGE))
        }
        Err(why) => {
            complain!("chimp: {why}");
            Ok(ExitCode::from(exit::COULD_NOT_TELL))
        }
    }
}
