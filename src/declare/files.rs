//! Finds feature files and parses them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::{DeclareError, Problem, ProblemKind};
use super::gherkin::{self, Feature, Parsed, Pickle, Scenario, SyntaxError};
use crate::text;

/// A feature file, read.
pub(super) struct FeatureFile {
    /// As it was given: the root joined with the path below it.
    pub path: PathBuf,
    /// The path below its root with `/`; seeds are derived from it, so that they don't depend on where one stands.
    pub key: String,
    pub parsed: Parsed,
    /// The scenarios; none where something is wrong with the file.
    pub pickles: Vec<Pickle>,
    /// What is wrong with outlines.
    pub outlines: Vec<Problem>,
}

impl FeatureFile {
    /// The feature's name; empty where the file has none.
    pub fn name(&self) -> &str {
        self.parsed.feature.as_ref().map_or("", |feature| &feature.title.name)
    }
}

/// Reads all features below `paths`, sorted below each, each file once.
///
/// # Errors
/// A path that is not there or is no feature; a file that can't be read; no feature at all.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<FeatureFile>, DeclareError> {
    let (mut files, mut problems, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for root in paths {
        match find(root) {
            Ok(found) => {
                for (path, key) in found {
                    if seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                        parse(path, key).map_or_else(|problem| problems.push(problem), |file| files.push(file));
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(refused) = DeclareError::refused(problems) {
        return Err(refused);
    }
    if files.is_empty() {
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(DeclareError::Nothing(format!("no feature file in {}", paths.join(", "))));
    }
    Ok(files)
}

fn find(root: &Path) -> Result<Vec<(PathBuf, String)>, Problem> {
    let problem = |detail: String| {
        let (file, kind) = (Some(root.into()), ProblemKind::File);
        Problem { file, line: None, column: None, kind, detail, used_at: Vec::new() }
    };
    let help = "name a feature file, or a folder that has some below it";
    let kind = fs::metadata(root).map_err(|why| problem(format!("can't be opened ({why})\n  help: {help}")))?;
    if kind.is_dir() {
        let mut found = Vec::new();
        below(root, root, &mut found).map_err(|why| problem(format!("can't be searched ({why})")))?;
        return Ok(found);
    }
    if !is_feature(root) {
        return Err(problem("is not a feature file; their names end in `.feature`".into()));
    }
    Ok(vec![(root.into(), root.file_name().unwrap_or_default().to_string_lossy().into_owned())])
}

/// Depth first, in the order of names; hidden files and links to folders (which may lead in circles) are left out.
fn below(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, String)>) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            below(root, &path, found)?;
        } else if is_feature(&path) {
            let parts = path.strip_prefix(root).unwrap_or(&path).iter().map(|part| part.to_string_lossy());
            let key = parts.collect::<Vec<_>>().join("/");
            found.push((path, key));
        }
    }
    Ok(())
}

fn is_feature(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("feature"))
}

fn parse(path: PathBuf, key: String) -> Result<FeatureFile, Problem> {
    let source = text::read(&path).map_err(|why| {
        let (line, column) = why.place().unzip();
        let (file, kind) = (Some(path.clone()), ProblemKind::File);
        Problem { file, line, column, kind, detail: format!("can't be read ({why})"), used_at: Vec::new() }
    })?;
    let parsed = gherkin::read(&source);
    let whole = parsed.feature.as_ref().filter(|_| parsed.errors.is_empty());
    let mut outlines = whole.map(|feature| wrong_outlines(&path, feature)).unwrap_or_default();
    let pickles = whole.filter(|_| outlines.is_empty()).map_or(Ok(Vec::new()), gherkin::pickles);
    let pickles = pickles.unwrap_or_else(|SyntaxError { place, kind, .. }| {
        outlines.push(Problem::at(&path, place.line, ProblemKind::Syntax, kind.to_string()));
        Vec::new()
    });
    Ok(FeatureFile { path, key, parsed, pickles, outlines })
}

/// Outlines that Gherkin accepts, and that would not do what was meant.
fn wrong_outlines(path: &Path, feature: &Feature) -> Vec<Problem> {
    let in_rules = feature.rules.iter().flat_map(|rule| &rule.scenarios);
    let wrong = |scenario: &Scenario| {
        let (line, detail) = if is_empty_outline(scenario) {
            let name = &scenario.title.name;
            let detail = format!("the outline `{name}` has no rows in `Examples:`, so it would never run");
            (scenario.title.place.line, detail)
        } else {
            let (line, name) = gherkin::unknown_placeholder(scenario)?;
            (line, format!("`<{name}>` is not a column of `Examples:`"))
        };
        Some(Problem::at(path, line, ProblemKind::Syntax, detail))
    };
    feature.scenarios.iter().chain(in_rules).filter_map(wrong).collect()
}

fn is_empty_outline(scenario: &Scenario) -> bool {
    let rows: usize = scenario.examples.iter().map(|examples| examples.table.len().saturating_sub(1)).sum();
    (scenario.is_outline || !scenario.examples.is_empty()) && rows == 0
}
