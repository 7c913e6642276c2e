//! The command line: `chimp run`, `plan`, `report`, `observe`, `calibrate`, `init`, `up`, `down`, `attack`, `heal`, `replay`, `reconcile`, `graph`,
//! `role`, `doctor`; and the `chaos` test target.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::cli::libtest::ChaosArgs;
use crate::console::{self, complain, put, say};
use crate::declare::{DeclareError, declare};
use crate::exit;
use crate::harness::{self, Request};
use crate::log::LogArgs;
use crate::nemesis;
use crate::report::words::shell_word;
use crate::report::{self, Provenance};
use crate::run::bundle::Bundle;
use crate::run::{RunError, RunOptions, Sabotage};
use crate::settings::{Settings, SettingsError};
use crate::units::show_duration;

mod attack;
mod doctor;
mod down;
mod graph;
mod hypervisor;
mod init;
pub mod libtest;
mod number;
mod observe;
mod place;
mod reconcile;
mod role;
mod testbed;
mod there;
mod usage;
mod what;

use usage::usage;
pub use what::AccessArgs;
use what::What;

/// Chaos as integration tests: breaks a website's servers on purpose, and judges what its users measured.
#[derive(Debug, Parser)]
#[command(name = "chimp", version)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run features: boot their servers (on an inventory: take over those that run), put them under load, break them, judge; writes `reports/latest/report.html`.
    Run {
        #[command(flatten)]
        what: What,
        /// The folder for bundles: each run gets `DIR/<run-id>`, and `DIR/latest` links to the last one.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
        out: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Print what `run` would do; boots nothing, changes nothing and does not need root. A Compose project or a stack is looked at through
    /// Docker's API; nothing else is connected to. On an inventory, what logs in (a key, a password or an agent) must be there.
    Plan {
        #[command(flatten)]
        what: What,
        /// Print the whole plan as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Judge a recorded run again and render its reports; needs nothing but its bundle, and writes the same bytes.
    Report {
        /// The bundle of the run: `reports/<run-id>` or `reports/latest`.
        run: PathBuf,
        /// Render into this folder instead; the page there has no links to the recorded files, which stay in the bundle.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    Observe(observe::Observe),
    Calibrate(observe::Calibrate),
    Init(init::Init),
    Up(testbed::Up),
    /// Attack servers that are up already, of `chimp up`, of an inventory or of a cloud; without a feature, load or a verdict.
    Attack {
        #[command(subcommand)]
        model: attack::Model,
    },
    /// Undo the faults that a crashed run or attack left behind, by the journal in its bundle.
    Heal(attack::Heal),
    /// Carry out the plan of a recorded run or attack again.
    Replay(attack::Replay),
    Reconcile(reconcile::Reconcile),
    Down(down::Down),
    /// Show which servers matter most in a graph: degree, betweenness, articulation points, bridges, zones.
    Graph(graph::GraphArgs),
    Role(role::RoleArgs),
    Doctor(doctor::Doctor),
    #[command(hide = true)]
    Hypervisor(hypervisor::Hypervisor),
}

/// How scenarios are run; the `chaos` test target takes the same options.
#[derive(Debug, Clone, Default, Args)]
pub struct How {
    /// How many scenarios run at once; one that is tagged @alone has the machine to itself.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_JOBS, allow_negative_numbers = true, value_parser = number::whole(1..=8u16))]
    pub jobs: u16,
    /// How often a scenario that could not be judged (`invalid`, `infra`) is tried again; a failed one never is.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = number::whole(0..=u32::MAX))]
    pub retries: u32,
    /// For tests of the harness: plants a lie, which must never pass.
    #[arg(long, hide = true, value_name = "LIE", value_parser = ["faults", "heals", "witnesses", "stamps", "users", "probes", "writes"])]
    pub sabotage: Vec<String>,
}

/// Three scenarios side by side leave a machine with two cores unstarved: they mostly wait.
const DEFAULT_JOBS: u16 = 3;
const DEFAULT_OUT: &str = "reports";
const DEFAULT_CONFIG: &str = "chimp.toml";

/// The `chimp` binary.
pub fn main() -> ExitCode {
    if let Some(code) = crate::run_if_asked() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(why) => return usage(why),
    };
    if let Err(why) = cli.log.start() {
        complain!("chimp: {why}");
        return ExitCode::from(exit::USAGE);
    }
    let done = match cli.command {
        Verb::Run { what, out, how } => run(&what, out, &how),
        Verb::Plan { what, json } => plan(&what, json),
        Verb::Report { run, to } => report(&run, to.as_deref()),
        Verb::Attack { model } => model.run(),
        Verb::Heal(heal) => heal.run(),
        Verb::Replay(replay) => replay.run(),
        Verb::Observe(observe) => observe.run(),
        Verb::Calibrate(calibrate) => calibrate.run(),
        Verb::Init(init) => init.run(),
        Verb::Up(up) => up.run(),
        Verb::Reconcile(reconcile) => reconcile.run(),
        Verb::Down(down) => down.run(),
        Verb::Graph(asked) => Ok(graph::show(&asked)),
        Verb::Role(asked) => asked.show(),
        Verb::Doctor(doctor) => doctor.run(),
        Verb::Hypervisor(hypervisor) => hypervisor.run(),
    };
    console::finish(done.unwrap_or_else(|why| {
        complain!("{}", why.shown("chimp"));
        ExitCode::from(why.code())
    }))
}

/// The `chaos` test target of a crate: runs the features below `folder`, and accepts libtest's flags.
///
/// The whole `tests/chaos.rs` of a crate that uses this one, with `harness = false`, is
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     anarcho_chimp::chaos("features")
/// }
/// ```
pub fn chaos(folder: &str) -> ExitCode {
    if let Some(code) = crate::run_if_asked() {
        return code;
    }
    let arguments = match ChaosArgs::try_parse() {
        Ok(arguments) => arguments,
        Err(why) => return usage(why),
    };
    if let Err(why) = arguments.log.start() {
        complain!("chaos: {why}");
        return ExitCode::from(exit::USAGE);
    }
    console::finish(run_target(folder, &arguments).unwrap_or_else(|why| {
        complain!("{}", why.shown("chaos"));
        ExitCode::from(exit::USAGE)
    }))
}

fn run_target(folder: &str, arguments: &ChaosArgs) -> Result<ExitCode, Refused> {
    let settings = settings(arguments.config.as_deref())?.with_span(arguments.span);
    let declare = arguments.declare_options(&[folder.into()], drawn_seed(), settings);
    if arguments.list {
        put!("{}", arguments.listing(&declare)?);
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.ignores_nothing(&declare) {
        say!("\nrunning 0 scenarios\nnone that was asked for is tagged @nightly or @slow");
        return Ok(ExitCode::SUCCESS);
    }
    let out = arguments.out.clone().unwrap_or_else(|| DEFAULT_OUT.into());
    let cargo = format!("cargo test --test {} --", target(std::env::current_exe().ok().as_deref()));
    let command = command(&cargo, declare.seed, arguments.seed.is_some());
    let features = arguments.features.iter().map(|path| ("--features", path.display().to_string()));
    let config = arguments.config.iter().map(|path| ("--config", path.display().to_string()));
    let span = arguments.span.map(|span| ("--span", show_duration(span)));
    let given = features.chain(config).chain(span);
    let reproduce = again(&cargo, given, &arguments.how, declare.seed);
    let run = RunOptions { reproduce: Some(reproduce), ..arguments.how.options(out, command) };
    Ok(harness::run(&Request { declare, run, names_may_fit_nothing: true }))
}

/// The name of the test target that runs: cargo calls its program so, with a hash behind it.
fn target(program: Option<&Path>) -> String {
    let stem = program.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match stem.rsplit_once('-') {
        Some((name, hash)) if is_hash(hash) => name.into(),
        _ if stem.is_empty() => "chaos".into(),
        _ => stem,
    }
}

fn run(what: &What, out: PathBuf, how: &How) -> Result<ExitCode, Refused> {
    let declare = what.declare_options()?;
    what.check_environment(declare.environment.as_deref())?;
    let command = command("chimp", declare.seed, what.seed.is_some());
    let paths = what.paths.iter().map(|path| ("", path.display().to_string()));
    let config = what.config.iter().map(|path| ("--config", path.display().to_string()));
    let span = what.span.map(|span| ("--span", show_duration(span)));
    let on = what.on.iter().map(|name| ("--on", name.clone()));
    let passwords = what.access.passwords().map(|path| ("--passwords", path.display().to_string()));
    let given = paths.chain(config).chain(span).chain(on).chain(passwords);
    let reproduce = again("chimp run", given.chain([("--name", String::new())]), how, declare.seed);
    let run = RunOptions { reproduce: Some(reproduce), ..how.options(out, command) };
    Ok(harness::run(&Request { declare, run, names_may_fit_nothing: false }))
}

fn plan(what: &What, json: bool) -> Result<ExitCode, Refused> {
    let options = what.declare_options()?;
    what.check_environment(options.environment.as_deref())?;
    let plan = declare(&options)?;
    harness::note(&plan);
    if what.seed.is_none() && !json {
        harness::note_seed(&plan);
    }
    harness::note_skips(&plan);
    harness::note_settings(&plan, options.config.as_deref());
    if json {
        say!("{}", serde_json::to_string_pretty(&report::plan::json(&plan)).expect("a plan is plain data"));
    } else {
        put!("{}", report::plan::plan(&plan, &plan.sha256()));
    }
    Ok(ExitCode::SUCCESS)
}

fn report(run: &Path, to: Option<&Path>) -> Result<ExitCode, Refused> {
    let folder = to.unwrap_or(run);
    let bundle = Bundle::open(run)?;
    let judged = match bundle.render_into(folder) {
        Ok(judged) => judged,
        Err(why @ RunError::Unwritten { .. }) => {
            complain!("chimp: {why}");
            return Ok(ExitCode::from(exit::COULD_NOT_TELL));
        }
        Err(why) => return Err(why.into()),
    };
    if let Some(why) = judged.record.interrupted.as_ref().filter(|_| judged.record.was_cut_off()) {
        complain!("note: {why}");
    }
    say!("{}", folder.join("report.html").display());
    Ok(ExitCode::from(judged.record.exit_code))
}

/// Why a command was not carried out; nothing was touched.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Declare(#[from] DeclareError),
    #[error(transparent)]
    Infrastructure(#[from] crate::document::DocumentError),
    #[error(transparent)]
    Inventory(#[from] crate::document::Mistakes),
    #[error(transparent)]
    Bundle(#[from] crate::run::RunError),
    #[error(transparent)]
    Attack(#[from] crate::attack::AttackError),
    #[error("can't start the runtime: {0}")]
    Runtime(std::io::Error),
    /// A site can't be observed.
    #[error("{0}")]
    Observe(String),
    /// The first files of a site can't be written.
    #[error(transparent)]
    Init(#[from] init::InitError),
    /// There is no such environment.
    #[error("{0}: {1}")]
    Environment(String, String),
}

impl Refused {
    /// What the process ends with.
    fn code(&self) -> u8 {
        match self {
            Refused::Declare(DeclareError::Nothing(_) | DeclareError::NothingNamed(_)) => exit::NOTHING_RAN,
            _ => exit::USAGE,
        }
    }

    /// Mistakes in features come alone, so that each line begins with its file and line, which terminals and editors
    /// can follow.
    fn shown(&self, program: &str) -> String {
        match self {
            Refused::Declare(DeclareError::Refused(_)) => self.to_string(),
            _ => format!("{program}: {self}"),
        }
    }
}

impl How {
    fn options(&self, out: PathBuf, command: String) -> RunOptions {
        let lies = |lie: &str| self.sabotage.iter().any(|asked| asked == lie);
        RunOptions {
            out,
            jobs: usize::from(self.jobs),
            retries: self.retries,
            command,
            reproduce: None,
            sabotage: Sabotage {
                nemesis: nemesis::Sabotage {
                    faults: lies("faults"),
                    heals: lies("heals"),
                    witnesses: lies("witnesses"),
                    stamps: lies("stamps"),
                },
                users: lies("users"),
                probes: lies("probes"),
                writes: lies("writes"),
            },
        }
    }
}

/// The named settings, or those of `chimp.toml` where there is one, or the defaults.
fn settings(named: Option<&Path>) -> Result<Settings, SettingsError> {
    config_in_force(named).map_or_else(|| Ok(Settings::default()), |path| Settings::read(&path))
}

/// The file of settings: the one that is named, or `chimp.toml` where there is one.
fn config_in_force(named: Option<&Path>) -> Option<PathBuf> {
    let usual = || Some(PathBuf::from(DEFAULT_CONFIG)).filter(|path| path.exists());
    named.map(Path::to_path_buf).or_else(usual)
}

/// A seed for a run that names none: short enough to be typed again.
fn drawn_seed() -> u64 {
    crate::clock::Clock::start().epoch() % 1_000_000
}

/// The command that does the same again: the one that was given, with the seed.
fn command(program: &str, seed: u64, named: bool) -> String {
    let mut words = vec![program.to_string()];
    words.extend(std::env::args().skip(1).map(|argument| shell_word(&argument)));
    if !named {
        words.push(format!("--seed {seed}"));
    }
    words.join(" ")
}

/// The command that runs one scenario again: what of the command line says how it goes, and the seed.
fn again(program: &str, given: impl Iterator<Item = (&'static str, String)>, how: &How, seed: u64) -> String {
    let mut words = vec![program.to_string()];
    let lies = how.sabotage.iter().map(|lie| ("--sabotage", lie.clone()));
    for (option, value) in lies.chain(given) {
        let value = if value.is_empty() { value } else { shell_word(&value) };
        words.extend([option.to_string(), value].into_iter().filter(|word| !word.is_empty()));
    }
    words.push(format!("{} --exact --seed {seed}", Provenance::SCENARIO));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_test_target_is_called_as_cargo_calls_it() {
        let target = |program: &str| super::target(Some(std::path::Path::new(program)));
        assert_eq!(target("/t/debug/deps/compose-0b6bd63dce54c9ca"), "compose");
        assert_eq!(target("/t/debug/deps/in-the-shop-0b6bd63dce54c9ca"), "in-the-shop");
        assert_eq!(target("/t/chaos"), "chaos");
        assert_eq!(super::target(None), "chaos");
    }
}
