//! From feature files to a [`Plan`], without any effect: nothing boots, no thread starts, no socket opens.
//!
//! Cucumber matches and runs the steps; each scenario's [`World`] collects a [`Declaration`], which, once
//! complete, becomes a [`ScenarioPlan`]. Whatever is wrong with any of them is told at
//! once, before anything boots. In the order of the flow:
//! [`files`] finds and reads · [`gherkin`] parses · [`keywords`] finds what Gherkin swallows · [`listing`] names, tags and selects ·
//! [`vocabulary`] matches and suggests · [`run`] lets the steps speak ([`strikes`] and [`table`] hold what Whens may
//! say of faults) · [`attached`] which servers stand for what is declared · [`check`], [`sides`] and [`guarded`] ask whether it makes
//! sense, [`observable`] whether anything can observe it.

use std::path::PathBuf;

use crate::document::DocumentError;
use crate::environment::{self, Access, On, Refusal};
use crate::plan::{Plan, SCHEMA, ScenarioPlan};
use crate::render::check_templates;
use crate::settings::Settings;

mod agents;
mod attached;
mod check;
mod error;
mod files;
pub mod gherkin;
mod guarded;
mod keywords;
mod listing;
mod observable;
mod run;
mod sides;
mod strikes;
mod table;
mod vocabulary;
mod world;

pub use error::{DeclareError, Problem, ProblemKind};
pub use listing::address;
pub use strikes::{Strike, every};
pub use vocabulary::{ParameterType, Pattern, Vocabulary};
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
    let listed = listing::list(&files, &mut problems);
    let listed = match listing::select(listed, options) {
        Ok(listed) => listed,
        Err(why) => return Err(DeclareError::refused(problems).unwrap_or(why)),
    };
    let mut drafted = Vec::new();
    for (index, listed) in listed.iter().enumerate() {
        match run::declare(listed, &vocabulary, &options.settings).and_then(|declaration| {
            check::complete(listed, &declaration)?;
            Ok(declaration)
        }) {
            Ok(declaration) => drafted.push(Drafted { index, listed, declaration }),
            Err(more) => problems.extend(more),
        }
    }
    let environment = attached::environment_of(options, &drafted).unwrap_or_else(|more| {
        problems.extend(more);
        String::new()
    });
    let Ok(on) = environment::on(&environment) else {
        return Err(DeclareError::refused(problems).unwrap_or(DeclareError::Nothing(environment)));
    };
    if let Err(why) = on.kind.check_access(&on.value, &options.access) {
        let (file, line, column) = (why.file.clone(), why.line, why.column);
        let detail = DocumentError { file: None, line: None, column: None, ..why }.to_string();
        problems.push(Problem { file, line, column, kind: ProblemKind::File, detail });
        return Err(DeclareError::refused(problems).unwrap_or(DeclareError::Nothing(environment)));
    }
    let mut scenarios = Vec::new();
    for one in drafted {
        match scenario(one, &on, options) {
            Ok(plan) => scenarios.push(plan),
            Err(more) => problems.extend(more),
        }
    }
    let plan = Plan { schema: SCHEMA, seed: options.seed, environment, scenarios };
    problems.extend(beyond(&on, &plan));
    DeclareError::refused(problems).map_or(Ok(plan), Err)
}

/// What the environment of a plan can't carry out.
fn beyond(on: &On, plan: &Plan) -> Vec<Problem> {
    let problem = |Refusal { feature, line, detail }| Problem::at(&feature, line, ProblemKind::Environment, detail);
    environment::refusals(on.kind, plan).into_iter().map(problem).collect()
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

fn scenario(one: Drafted<'_>, on: &On, options: &DeclareOptions) -> Result<ScenarioPlan, Vec<Problem>> {
    let listed = one.listed;
    let mut settings = one.declaration.settings.clone();
    let cant_be = |why: DocumentError| {
        vec![Problem::at(&listed.file.path, listed.line, ProblemKind::Infrastructure, why.to_string())]
    };
    let draft = one.declaration.inventory.is_none().then(|| one.declaration.draft.clone());
    let declared = draft.map(|draft| draft.build().map_err(cant_be)).transpose()?;
    let adopted = attached::adopt(&one, on, declared.as_ref(), &mut settings)?;
    let infrastructure = &adopted.infrastructure;
    check_templates(infrastructure, &settings).map_err(cant_be)?;
    let senseless = |why: String| vec![Problem::at(&listed.file.path, listed.line, ProblemKind::Meaning, why)];
    guarded::makes_sense(infrastructure, &settings.safeguards, &options.settings.safeguards).map_err(senseless)?;
    check::waits(infrastructure, &settings).map_err(senseless)?;
    attached::strikes(&one, on, &options.access, &adopted, &one.declaration.acts)?;
    let Drafted { index, declaration: Declaration { acts, hypotheses, .. }, .. } = one;
    check::meaning(listed, infrastructure, &settings, &acts, &hypotheses)?;
    Ok(ScenarioPlan {
        index: u32::try_from(index).expect("fewer than 4 billion scenarios"),
        name: listed.name.clone(),
        feature_name: listed.file.name().into(),
        feature: listed.file.path.clone(),
        line: listed.line,
        tags: listed.tags.clone(),
        steps: listed.steps.iter().map(|step| listing::step_text(&step.step)).collect(),
        seed: listed.seed(options.seed),
        infrastructure: adopted.infrastructure,
        acts,
        hypotheses,
        settings,
    })
}
