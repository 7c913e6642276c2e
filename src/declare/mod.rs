//! From feature files to a [`Plan`], without any effect: nothing boots, no thread starts, no socket opens.
//!
//! Cucumber matches and runs the steps; each scenario's [`World`] collects a [`Declaration`], which, once
//! complete, becomes a [`crate::plan::ScenarioPlan`]. All mistakes in them are reported
//! together, before anything boots. In the order of the flow:
//! [`files`] finds and reads · [`gherkin`] parses · [`keywords`] finds what Gherkin swallows · [`listing`] names, tags and selects ·
//! [`vocabulary`] matches and suggests · [`run`] lets the steps speak ([`strikes`] and [`table`] hold what Whens may
//! say of faults) · [`attached`] which servers stand for what is declared · [`check`], [`sides`] and [`guarded`] ask whether it makes
//! sense, [`observable`] whether anything can observe it, [`entered`] whether it is known where users enter, [`request`] whether requests can be made, [`beyond`] whether the environment and the settings are enough · [`whole`] puts all of it together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::environment::{self, Access};
use crate::plan::{Plan, SCHEMA};
use crate::settings::Settings;

mod agents;
mod application;
mod attached;
mod beyond;
mod check;
mod entered;
mod error;
mod files;
pub mod gherkin;
mod guarded;
mod keywords;
mod listing;
mod observable;
mod possible;
mod request;
mod run;
mod scaled;
mod sides;
mod strikes;
mod table;
mod there;
mod vocabulary;
mod whole;
mod world;

pub use error::{DeclareError, Problem, ProblemKind};
pub use listing::address;
pub use strikes::{Strike, every};
pub use vocabulary::{Made, MadeStep, MadeSteps, ParameterType, Pattern, Vocabulary};
pub use world::{Declaration, StepError, World};

use attached::Drafted;
use files::FeatureFile;
use listing::Listed;

/// What to declare, and with which defaults.
#[derive(Debug, Clone, Default)]
pub struct DeclareOptions {
    /// Feature files, or folders that are searched through and through.
    pub paths: Vec<PathBuf>,
    /// A tag expression: `@pr and not @slow`.
    pub tags: Option<String>,
    /// Only scenarios whose address (see [`address`]) contains one of these.
    pub names: Vec<String>,
    /// An entry of `names` or `skip` must be the whole address, or the scenario's whole name.
    pub exact: bool,
    /// Not the scenarios whose address contains one of these.
    pub skip: Vec<String>,
    /// The seed of the run.
    pub seed: u64,
    /// The defaults and `chimp.toml`, merged.
    pub settings: Settings,
    /// The file that `settings` were read from, for errors.
    pub config: Option<PathBuf>,
    /// Where its scenarios run, as `--on` says it: the environment's name, with its value. `None`: on the inventory that
    /// they name, else in the sandbox.
    pub environment: Option<String>,
    /// How servers that are there already are logged in to.
    pub access: Access,
}

/// Reads the features and lets the selected scenarios declare themselves.
///
/// # Errors
/// [`DeclareError::Refused`] with everything that is wrong (exit 2); [`DeclareError::Nothing`] where there is no
/// scenario, or none with such tags (exit 7); [`DeclareError::NothingNamed`] where the names leave none.
pub fn declare(options: &DeclareOptions) -> Result<Plan, DeclareError> {
    let files = files::read(&options.paths)?;
    let vocabulary = Vocabulary::registered();
    let mut problems = swallowed(&files, &vocabulary);
    let of_phrase =
        |(path, line, why): (&str, u32, &str)| Problem::at(Path::new(path), line as usize, ProblemKind::Step, why);
    problems.extend(vocabulary.wrong().map(of_phrase));
    let listed = listing::list(&files, &mut problems);
    let listed = match listing::select(listed, options) {
        Ok(listed) => listed,
        Err(why) => return Err(DeclareError::refused(problems).unwrap_or(why)),
    };
    let mut drafted = Vec::new();
    for (index, listed) in listed.iter().enumerate() {
        let (declaration, understood, more) = run::declare(listed, &vocabulary, &options.settings);
        problems.extend(more);
        problems.extend(check::incomplete(listed, &declaration, understood));
        if declaration.provisioned {
            drafted.push(Drafted { index, listed, declaration, understood });
        }
    }
    let environment = attached::environment_of(options, &mut drafted, &mut problems).unwrap_or_else(|why| {
        problems.push(why);
        String::new()
    });
    let Ok(on) = environment::on(&environment) else {
        return Err(DeclareError::refused(problems).unwrap_or(DeclareError::Nothing(environment)));
    };
    let (mut scenarios, mut victims) = (Vec::new(), BTreeSet::new());
    for one in drafted {
        let (plan, more) = whole::scenario(one, &on, options, &mut victims);
        scenarios.extend(plan);
        problems.extend(more);
    }
    let plan = Plan { schema: SCHEMA, seed: options.seed, environment, scenarios };
    problems.extend(beyond::wrong(&on, &plan, options.config.as_deref()));
    let locked_out = on.kind.locked_out(&on.value, &options.access, &victims);
    problems.extend(locked_out.into_iter().map(|why| Problem::of(why, ProblemKind::Access)));
    DeclareError::refused(problems).map_or(Ok(plan), Err)
}

/// The addresses of the selected scenarios, without declaring them.
///
/// # Errors
/// Those of [`declare`] that come before the steps.
pub fn addresses(options: &DeclareOptions) -> Result<Vec<String>, DeclareError> {
    let files = files::read(&options.paths)?;
    let mut problems = swallowed(&files, &Vocabulary::registered());
    let listed = listing::list(&files, &mut problems);
    match DeclareError::refused(problems) {
        Some(refused) => Err(refused),
        None => Ok(listing::select(listed, options)?.iter().map(Listed::address).collect()),
    }
}

fn swallowed(files: &[FeatureFile], vocabulary: &Vocabulary) -> Vec<Problem> {
    let wrong = |file: &FeatureFile| [keywords::misspelt(file, vocabulary), file.outlines.clone()].concat();
    files.iter().flat_map(wrong).collect()
}
