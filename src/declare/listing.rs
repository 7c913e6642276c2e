//! Scenarios as they are listed: named, addressed, tagged, selected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cucumber::gherkin::Step;
use cucumber::gherkin::tagexpr::TagOperation;
use cucumber::tag::Ext as _;
use sha2::{Digest, Sha256};

use super::DeclareOptions;
use super::error::{DeclareError, Problem, ProblemKind};
use super::files::FeatureFile;
use super::gherkin::{Pickle, PickleStep};
use crate::plan::{ScenarioPlan, StepText};

/// A scenario in its file, not declared yet.
pub(super) struct Listed<'f> {
    pub file: &'f FeatureFile,
    pub line: usize,
    pub name: String,
    /// The feature's, the rule's and its own, without `@`, each once.
    pub tags: Vec<String>,
    /// The backgrounds' steps first.
    pub steps: &'f [PickleStep],
}

impl Listed<'_> {
    pub(super) fn address(&self) -> String {
        address_in(&self.file.path, &self.name)
    }

    /// The first 8 bytes, little endian, of SHA-256 over the run's seed (8 bytes, little endian), the feature's
    /// path below its root, a zero byte and the scenario's name. Neither lines nor neighbours matter.
    pub(super) fn seed(&self, run: u64) -> u64 {
        let digest = Sha256::new()
            .chain_update(run.to_le_bytes())
            .chain_update(&self.file.key)
            .chain_update([0])
            .chain_update(&self.name)
            .finalize();
        u64::from_le_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// See [`ScenarioPlan::address`].
pub fn address(scenario: &ScenarioPlan) -> String {
    scenario.address()
}

fn address_in(feature: &Path, name: &str) -> String {
    format!("{}::{name}", feature.with_extension("").display())
}

/// A step as the plan keeps it.
pub(super) fn step_text(step: &Step) -> StepText {
    StepText { keyword: step.keyword.trim().into(), text: step.value.clone(), line: step.position.line }
}

/// All scenarios, in the order of files and lines. A name that is missing or taken is a problem.
pub(super) fn list<'f>(files: &'f [FeatureFile], problems: &mut Vec<Problem>) -> Vec<Listed<'f>> {
    let mut all = Vec::new();
    for file in files {
        let listed = in_file(file);
        problems.extend(wrong_names(&listed));
        all.extend(listed);
    }
    all
}

fn in_file(file: &FeatureFile) -> Vec<Listed<'_>> {
    let mut listed: Vec<_> = file.pickles.iter().map(|pickle| one(file, pickle)).collect();
    listed.sort_by_key(|scenario| scenario.line);
    listed
}

fn one<'f>(file: &'f FeatureFile, pickle: &'f Pickle) -> Listed<'f> {
    let mut tags = pickle.tags.clone();
    let mut seen = BTreeSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    Listed { file, line: pickle.place.line, name: name(file, pickle), tags, steps: &pickle.steps }
}

/// A row of an outline whose name says nothing about the row is told apart by the row's values.
fn name(file: &FeatureFile, pickle: &Pickle) -> String {
    match &pickle.row {
        Some(row) if file.pickles.iter().filter(|other| other.name == pickle.name).count() > 1 => {
            format!("{} ({})", pickle.name, row.join(", "))
        }
        _ => pickle.name.clone(),
    }
}

fn wrong_names(listed: &[Listed<'_>]) -> Vec<Problem> {
    let mut lines = BTreeMap::new();
    let mut problems = Vec::new();
    for scenario in listed {
        let wrong = |detail: String| Problem::at(&scenario.file.path, scenario.line, ProblemKind::Name, detail);
        if scenario.name.is_empty() {
            problems.push(wrong("a scenario needs a name: it is selected and reported by it".into()));
        } else if let Some(first) = lines.insert(scenario.name.as_str(), scenario.line) {
            let detail = format!(
                "`{}` is also the name of the scenario in line {first}\n  help: scenarios are addressed by their names; rename one",
                scenario.name
            );
            problems.push(wrong(detail));
        }
    }
    problems
}

/// Those that tags, names and skips leave.
///
/// # Errors
/// The tag expression does not parse; nothing is left.
pub(super) fn select<'f>(
    mut listed: Vec<Listed<'f>>,
    options: &DeclareOptions,
) -> Result<Vec<Listed<'f>>, DeclareError> {
    let tags = options.tags.as_deref().filter(|tags| !tags.trim().is_empty()).map(tag_expression).transpose()?;
    if listed.is_empty() {
        let paths: Vec<String> = options.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(DeclareError::Nothing(format!("there is no scenario in {}", paths.join(" and "))));
    }
    if let Some(tags) = tags {
        let known: BTreeSet<_> = listed.iter().flat_map(|scenario| scenario.tags.iter().cloned()).collect();
        listed.retain(|scenario| tags.eval(&scenario.tags));
        if listed.is_empty() {
            return Err(DeclareError::Nothing(no_such_tags(options.tags.as_deref().unwrap_or_default(), &known)));
        }
    }
    listed.retain(|scenario| is_wanted(scenario, options));
    if listed.is_empty() {
        return Err(DeclareError::NothingNamed(if options.names.is_empty() {
            format!("every scenario is skipped by {}", quoted(&options.skip))
        } else {
            format!("no scenario is called {}", quoted(&options.names))
        }));
    }
    Ok(listed)
}

fn no_such_tags(expression: &str, known: &BTreeSet<String>) -> String {
    let known = known.iter().map(|tag| format!("@{tag}")).collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "no scenario has a tag".into() } else { format!("there are {known}") };
    format!("no scenario has the tags `{expression}`\n  help: {known}")
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

fn tag_expression(text: &str) -> Result<TagOperation, DeclareError> {
    text.trim().parse().map_err(|_| {
        let detail = format!(
            "`{text}` is not a tag expression\n  help: tags start with `@` and are joined by `and`, `or`, `not` and parentheses: `@pr and not @slow`"
        );
        let (kind, used_at) = (ProblemKind::TagExpression, Vec::new());
        DeclareError::Refused(vec![Problem { file: None, line: None, column: None, kind, detail, used_at }])
    })
}

fn is_wanted(scenario: &Listed<'_>, options: &DeclareOptions) -> bool {
    let address = scenario.address();
    let fits = |filter: &String| {
        if options.exact { address == *filter || scenario.name == *filter } else { address.contains(filter.as_str()) }
    };
    (options.names.is_empty() || options.names.iter().any(fits)) && !options.skip.iter().any(fits)
}
