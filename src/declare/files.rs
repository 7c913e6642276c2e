//! Finds feature files and parses them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cucumber::feature::Ext as _;
use cucumber::gherkin::{Feature, GherkinEnv, ParseFileError, Scenario};

use super::error::{DeclareError, Problem, ProblemKind};
use super::keywords::stray_line;
use crate::text;

/// A feature file, read.
pub(super) struct FeatureFile {
    /// As it was given: the root joined with the path below it.
    pub path: PathBuf,
    /// The path below its root with `/`; seeds are derived from it, so that they don't depend on where one stands.
    pub key: String,
    pub source: String,
    /// Empty where `source` does not parse; the problem is told then.
    pub feature: Feature,
    pub syntax: Option<Problem>,
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
    let problem = |detail: String| Problem { file: Some(root.into()), line: None, kind: ProblemKind::File, detail };
    let kind = fs::metadata(root).map_err(|why| problem(format!("can't be opened ({why})")))?;
    if kind.is_dir() {
        let mut found = Vec::new();
        below(root, root, &mut found).map_err(|why| problem(format!("can't be searched ({why})")))?;
        return Ok(found);
    }
    if !is_feature(root) {
        return Err(problem("is not a feature; features end in `.feature`".into()));
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
    let source = text::read(&path).map_err(|why| Problem {
        file: Some(path.clone()),
        line: why.place().map(|(line, _)| line),
        kind: ProblemKind::File,
        detail: format!("can't be read ({why})"),
    })?;
    let parsed = Feature::parse_path(&path, GherkinEnv::default())
        .map_err(|why| syntax(&path, &source, &why))
        .and_then(|feature| expand(&path, feature));
    Ok(match parsed {
        Ok(feature) => FeatureFile { path, key, source, feature, syntax: None },
        Err(problem) => FeatureFile { path, key, source, feature: no_feature(), syntax: Some(problem) },
    })
}

fn no_feature() -> Feature {
    Feature::builder().keyword("Feature".to_string()).name(String::new()).build()
}

/// Outlines become one scenario a row.
fn expand(path: &Path, feature: Feature) -> Result<Feature, Problem> {
    let all = feature.scenarios.iter().chain(feature.rules.iter().flat_map(|rule| &rule.scenarios));
    if let Some(empty) = all.into_iter().find(|scenario| is_empty_outline(scenario)) {
        let detail = format!("the outline `{}` has no rows in `Examples:`, so it would never run", empty.name);
        return Err(Problem::at(path, empty.position.line, ProblemKind::Syntax, detail));
    }
    feature.expand_examples().map_err(|why| {
        let detail = format!("`<{}>` is not a column of `Examples:`", why.name);
        Problem::at(path, why.pos.line, ProblemKind::Syntax, detail)
    })
}

fn is_empty_outline(scenario: &Scenario) -> bool {
    let outline = scenario.keyword != "Scenario" && scenario.keyword != "Example";
    let rows = |table: &cucumber::gherkin::Table| table.rows.len().saturating_sub(1);
    let rows: usize = scenario.examples.iter().filter_map(|examples| examples.table.as_ref()).map(rows).sum();
    (outline || !scenario.examples.is_empty()) && rows == 0
}

fn syntax(path: &Path, source: &str, why: &ParseFileError) -> Problem {
    let ParseFileError::Parsing { error, source: position, .. } = why else {
        return Problem::at(path, 1, ProblemKind::Syntax, why.to_string());
    };
    let uneven = error.as_ref().is_some_and(|cause| cause.to_string().starts_with("Inconsistent"));
    let parser = line_of(&position.to_string());
    let line = if uneven { uneven_row(source) } else { stray_line(source) }.unwrap_or(parser);
    let found = source.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
    let cause = if uneven { "the rows of this table differ in length" } else { "this is not Gherkin" };
    let help =
        "help: a line of a feature begins with a keyword: `Feature:`, `Scenario:`, `Given`, `When`, `Then`, `And`, …";
    let detail = if uneven { format!("{cause}: `{found}`") } else { format!("{cause}: `{found}`\n  {help}") };
    Problem::at(path, line, ProblemKind::Syntax, detail)
}

/// The parser shows its position only in its message: `Error at 3:5: …`.
fn line_of(message: &str) -> usize {
    let digits = message.trim_start_matches("Error at ").split(':').next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

/// The first table row that is not as long as the row above it. The parser only knows where the table ends.
fn uneven_row(source: &str) -> Option<usize> {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let uneven = |pair: &[&str]| pair.iter().all(|line| line.starts_with('|')) && cells(pair[0]) != cells(pair[1]);
    lines.windows(2).position(uneven).map(|first| first + 2)
}
