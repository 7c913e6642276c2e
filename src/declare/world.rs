//! A scenario while its steps are read: what they may say, and what has been said so far.

use std::any::{Any, TypeId};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cucumber::gherkin::StepType;

use super::application;
use super::there::There;
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::infrastructure::tiers::Draft;
use crate::plan::Expectation;
use crate::plan::{Act, Hypothesis, StepText};
use crate::settings::{Abort, ConfigAgentKind, ConfigAgentSettings, Group, Limit, Most, Settings};
use crate::units::Bound;
use crate::workload::Workload;

/// What the steps of one scenario write to. A user's own steps take `&mut World` as the shipped ones do: they
/// may call the same verbs, and keep what they need between them with [`World::extension`].
#[derive(Debug, Default, cucumber::World)]
pub struct World {
    /// What has been declared so far.
    pub declaration: Declaration,
    extensions: HashMap<TypeId, Box<dyn Any>>,
}

impl World {
    /// State of a user's own steps, one value of each type a scenario; made on first use.
    pub fn extension<T: Any + Default>(&mut self) -> &mut T {
        let slot = self.extensions.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        slot.downcast_mut().expect("the slot is keyed by the value's type")
    }
}

/// Why a step could not be declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// It asks for an infrastructure that can't be.
    #[error(transparent)]
    Infrastructure(#[from] DocumentError),
    /// A value in it can't be read.
    #[error("{0}")]
    Malformed(String),
    /// It makes no sense where it stands.
    #[error("{detail}\n  help: {hint}")]
    Refused {
        /// What is wrong.
        detail: String,
        /// What to do.
        hint: String,
    },
}

impl StepError {
    /// A step that makes no sense where it stands.
    pub fn refused(detail: impl Into<String>, hint: impl Into<String>) -> StepError {
        StepError::Refused { detail: detail.into(), hint: hint.into() }
    }
}

/// What a scenario's steps have said so far; each verb adds one thing.
#[derive(Default)]
pub struct Declaration {
    /// The feature file, which paths in steps are relative to.
    pub(super) feature: PathBuf,
    /// The step being declared.
    pub(super) step: StepText,
    /// The lines of the rows of its table.
    pub(super) rows: Vec<usize>,
    pub(super) draft: Draft,
    pub(super) provisioned: bool,
    /// The site that it runs on, which is there already.
    pub(super) there: Option<There>,
    /// The steps that say how servers are made or repaired: senseless where they are there already.
    pub(super) shaped: Vec<StepText>,
    /// A Given about the infrastructure failed, or was not understood; those that follow would only complain about its
    /// consequences.
    pub(super) broken: bool,
    /// A When was not understood: it may have struck.
    may_have_struck: bool,
    /// The lines of the step's table that are wrong, each with what is wrong.
    pub(super) wrong_rows: Vec<(usize, String)>,
    pub(super) settings: Settings,
    /// The config agent that a step asked for.
    config_agent: Option<ConfigAgentKind>,
    pub(super) acts: Vec<Act>,
    /// The line of each.
    pub(super) act_lines: Vec<usize>,
    pub(super) hypotheses: Vec<Hypothesis>,
    /// What users do with the application's data.
    pub(super) workload: Option<Workload>,
    /// The line of the step that names its file; 0 where there is none.
    pub(super) workload_line: usize,
    /// A step said how many users do something else.
    has_users: bool,
}

impl fmt::Debug for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declaration")
            .field("feature", &self.feature)
            .field("step", &self.step)
            .field("acts", &self.acts)
            .field("hypotheses", &self.hypotheses)
            .finish_non_exhaustive()
    }
}

impl Declaration {
    /// Nothing said yet, in this feature, with these defaults.
    pub(super) fn new(feature: &Path, settings: &Settings) -> Declaration {
        Declaration { feature: feature.into(), settings: settings.clone(), ..Declaration::default() }
    }

    /// Adds servers, or says more about those that are there.
    ///
    /// # Errors
    /// Those of the draft; a Given after the first When or Then.
    pub fn provision(&mut self, add: impl FnOnce(&mut Draft) -> Result<(), DocumentError>) -> Result<(), StepError> {
        self.before_any_act()?;
        if let Some(there) = &self.there {
            let (detail, hint) = there.refuses_servers();
            return Err(StepError::refused(detail, hint));
        }
        self.provisioned = true;
        if self.broken {
            return Ok(());
        }
        add(&mut self.draft).inspect_err(|_| self.broken = true).map_err(StepError::from)
    }

    /// Says how servers are made or repaired, which is possible only where they are booted.
    ///
    /// # Errors
    /// Those of the change; a Given after the first When or Then.
    pub fn shape(
        &mut self,
        change: impl FnOnce(&mut Draft, &mut Settings) -> Result<(), DocumentError>,
    ) -> Result<(), StepError> {
        self.before_any_act()?;
        self.shaped.push(self.step.clone());
        if self.broken {
            return Ok(());
        }
        change(&mut self.draft, &mut self.settings).inspect_err(|_| self.broken = true).map_err(StepError::from)
    }

    /// Changes a setting for this scenario.
    ///
    /// # Errors
    /// A Given after the first When or Then.
    pub fn set(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), StepError> {
        self.before_any_act()?;
        change(&mut self.settings);
        Ok(())
    }

    /// How many goose users browse.
    ///
    /// # Errors
    /// More than 4 billion; users who work with a workload; a Given after the first When or Then.
    pub fn users(&mut self, count: usize) -> Result<(), StepError> {
        let users = narrow(count)?;
        if self.workload.is_some() {
            return Err(two_kinds_of_users());
        }
        self.has_users = true;
        self.set(|settings| settings.load.users = users)
    }

    /// Users work with the application's data as a registered workload of this name says, or a workload file. A path is relative to the feature.
    ///
    /// # Errors
    /// Everything that is wrong with the file; another workload, or users who do something else; no user at all; a Given after the first
    /// When or Then.
    pub fn workload(&mut self, file: &str, users: Option<usize>) -> Result<(), StepError> {
        self.before_any_act()?;
        if self.has_users {
            return Err(two_kinds_of_users());
        }
        if users == Some(0) {
            return Err(StepError::refused("without a user nothing is done", "say at least `1 user works with …`"));
        }
        if let Some(known) = &self.workload {
            application::is_the_same(known, file)?;
        }
        let workload = application::called(file, &self.beside_the_feature(file))?;
        (self.workload, self.workload_line) = (Some(workload), self.step.line);
        match users.map(narrow).transpose()? {
            Some(users) => self.set(|settings| settings.load.users = users),
            None => Ok(()),
        }
    }

    /// HAProxy's `inter` and `fall`.
    ///
    /// # Errors
    /// No misses at all; a Given after the first When or Then.
    pub fn health_checks(&mut self, every: Duration, misses: usize) -> Result<(), StepError> {
        let misses = narrow(misses)?;
        if misses == 0 {
            return Err(StepError::refused("a health check can't fail after 0 misses", "say at least `1 miss`"));
        }
        self.shape(|_, settings| {
            settings.balancer.check_every = every;
            settings.balancer.check_misses = misses;
            Ok(())
        })
    }

    /// There is a config agent, and how often it runs.
    ///
    /// # Errors
    /// A Given after the first When or Then.
    pub fn config_agent(&mut self, every: Duration) -> Result<(), StepError> {
        self.configures(ConfigAgentKind::BuiltIn, every)
    }

    /// Puppet configures the servers, and how often its agents run. Servers that steps declare get a Puppet server.
    ///
    /// # Errors
    /// A Given after the first When or Then; another config agent.
    pub fn puppet(&mut self, every: Duration) -> Result<(), StepError> {
        self.configures(ConfigAgentKind::Puppet, every)?;
        self.shape(|draft, _| {
            draft.puppet();
            Ok(())
        })
    }

    /// One of a kind; a kind of the settings is replaced, one of another step is not.
    fn configures(&mut self, kind: ConfigAgentKind, every: Duration) -> Result<(), StepError> {
        if self.config_agent.is_some_and(|other| other != kind) {
            let detail = "the config agent of the harness and Puppet would both configure the servers";
            return Err(StepError::refused(detail, "keep one of the two steps"));
        }
        self.shape(|_, settings| {
            settings.config_agent = ConfigAgentSettings { enabled: true, kind, every };
            Ok(())
        })?;
        self.config_agent = Some(kind);
        Ok(())
    }

    /// How many times faster declared waits pass.
    ///
    /// # Errors
    /// No times at all; a Given after the first When or Then.
    pub fn time_runs(&mut self, faster: u32) -> Result<(), StepError> {
        if faster == 0 {
            return Err(StepError::refused("time can't run 0 times faster", "say 1 or more"));
        }
        self.shape(|_, settings| {
            settings.time.faster = faster;
            Ok(())
        })
    }

    /// How many of a group may be struck at once.
    ///
    /// # Errors
    /// Nobody at all; a Given after the first When or Then.
    pub fn limit(&mut self, of: Group, at_most: Most) -> Result<(), StepError> {
        let nobody = match at_most {
            Most::Servers(count) => count == 0,
            Most::Percent(percent) => percent.0 <= 0.0,
        };
        if nobody {
            return Err(StepError::refused(
                "with such a limit no server could be struck at all",
                "say at least 1, or more than 0%",
            ));
        }
        self.set(|settings| settings.safeguards.limits.push(Limit { of, at_most }))
    }

    /// When everything stops.
    ///
    /// # Errors
    /// A bound that a healthy site breaks; a Given after the first When or Then.
    pub fn abort(&mut self, abort: Abort) -> Result<(), StepError> {
        if !matches!(abort.availability, Bound::Under(_) | Bound::AtMost(_)) {
            return Err(StepError::refused("that would abort a healthy site", "say for example `under 50%`"));
        }
        self.set(|settings| settings.safeguards.abort = Some(abort))
    }

    /// How long the baseline must be steady; the time allowed for it grows with it.
    ///
    /// # Errors
    /// A Given after the first When or Then.
    pub fn baseline(&mut self, steady: Duration) -> Result<(), StepError> {
        self.set(|settings| {
            settings.steady.baseline = steady;
            settings.steady.baseline_within = settings.steady.baseline_within.max(2 * steady);
        })
    }

    /// Anything that is done.
    ///
    /// # Errors
    /// None yet.
    pub fn act(&mut self, act: Act) -> Result<(), StepError> {
        self.acts.push(act);
        self.act_lines.push(self.step.line);
        Ok(())
    }

    /// Something that must be true, judged when the watch is over.
    ///
    /// # Errors
    /// None yet; whether it can be true at all is looked at when the scenario is complete.
    pub fn expect(&mut self, expectation: Expectation) -> Result<(), StepError> {
        let StepText { text, line, .. } = self.step.clone();
        self.hypotheses.push(Hypothesis { step: text, line, expectation });
        Ok(())
    }

    /// The file that `the infrastructure in "…"` means: a path is relative to the feature; a bare name is a
    /// shipped one, `fixtures/infrastructures/<name>.yaml` in a folder above the feature or in this package.
    ///
    /// # Errors
    /// A bare name that nothing is shipped under.
    pub fn infrastructure_path(&self, name: &str) -> Result<PathBuf, StepError> {
        if name.contains('/') || Path::new(name).extension().is_some() {
            return Ok(self.beside_the_feature(name));
        }
        let folder = self.feature.parent().unwrap_or(Path::new("."));
        let shipped = Path::new(SHIPPED).join(format!("{name}.yaml"));
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.into());
        // As it was given first, so that a plan made in two places is the same.
        let places = folder.ancestors().chain(absolute.ancestors()).chain([Path::new(env!("CARGO_MANIFEST_DIR"))]);
        places.clone().map(|place| place.join(&shipped)).find(|path| path.is_file()).ok_or_else(|| {
            let known: BTreeSet<String> = places.flat_map(shipped_below).collect();
            let known = one_of(name, "infrastructures", known.iter().map(String::as_str));
            StepError::refused(
                format!("no infrastructure called `{name}` is shipped"),
                format!(
                    "{known} (a file of your own is written with its path, relative to the feature: \"./site.yaml\")"
                ),
            )
        })
    }

    pub(super) fn beside_the_feature(&self, file: &str) -> PathBuf {
        self.feature.parent().unwrap_or(Path::new(".")).join(file.trim_start_matches("./"))
    }

    /// How long random faults strike where a step leaves it to the run.
    pub fn span(&self) -> Duration {
        self.settings.nemesis.span
    }

    /// Whether anything strikes, or may.
    pub(super) fn strikes(&self) -> bool {
        self.may_have_struck || self.acts.iter().any(Act::strikes)
    }

    /// A step of this kind was not understood.
    pub(super) fn misses(&mut self, kind: StepType) {
        self.broken |= kind == StepType::Given;
        self.may_have_struck |= kind == StepType::When;
    }

    pub(super) fn before_any_act(&self) -> Result<(), StepError> {
        if self.acts.is_empty() && self.hypotheses.is_empty() {
            return Ok(());
        }
        Err(StepError::refused(
            "a Given can't follow a When or a Then: everything is provisioned before the first of them",
            "move it up",
        ))
    }
}

/// Where infrastructures with bare names are, below a folder.
const SHIPPED: &str = "fixtures/infrastructures";

/// The bare names of the infrastructures below a folder.
fn shipped_below(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder.join(SHIPPED)).into_iter().flatten().flatten().map(|entry| entry.path());
    let yaml = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.filter_map(|path| Some(path.file_stem()?.to_str()?.to_string())).collect()
}

fn two_kinds_of_users() -> StepError {
    let detail = "users either browse, or work with data";
    let hint = "keep one of the two steps, such as `20 users read and write the site`; the prober's `… requests/s of read traffic` goes with both";
    StepError::refused(detail, hint)
}

fn narrow(count: usize) -> Result<u32, StepError> {
    u32::try_from(count).map_err(|_| StepError::Malformed(format!("{count} is too many; write at most {}", u32::MAX)))
}
