//! What can be wrong with features, told all at once.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::document::DocumentError;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// Something is wrong with the features, or with what was asked: exit 2.
    #[error("{}", refusal(.0))]
    Refused(Vec<Problem>),
    /// There is no scenario, or none with such tags: exit 7.
    #[error("nothing to run: {0}")]
    Nothing(String),
    /// The names, or what they skip, leave no scenario: exit 7, but under `cargo test NAME` no error.
    #[error("nothing to run: {0}")]
    NothingNamed(String),
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The feature, as it was given; `None` where the command line is meant.
    pub file: Option<PathBuf>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1, in characters, where the place in the line says something.
    pub column: Option<usize>,
    /// What sort of thing.
    pub kind: ProblemKind,
    /// What is wrong; further lines say what to do.
    pub detail: String,
}

/// The sorts of things that are wrong with features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The tag expression does not parse.
    TagExpression,
    /// No such file or folder, not a feature, not readable.
    File,
    /// Not Gherkin.
    Syntax,
    /// `Giiven …`, which Gherkin takes for a description.
    MisspeltKeyword,
    /// Two scenarios of one name in a feature, or a scenario without one.
    Name,
    /// No steps, nothing provisioned, or no Then.
    Incomplete,
    /// A step that no pattern matches.
    Undefined,
    /// A step that several patterns match.
    Ambiguous,
    /// A step that could not be declared: a malformed value, an infrastructure that can't be, a wrong place.
    Step,
    /// The infrastructure as a whole can't be.
    Infrastructure,
    /// The scenario contradicts itself: it strikes or expects what it does not have.
    Meaning,
    /// The environment can't carry it out.
    Environment,
    /// What a run needs beside the features and what they name: keys, passwords, certificates, variables. They come last.
    Access,
}

impl DeclareError {
    /// All problems in the order of files and lines, those of [`ProblemKind::Access`] last, each once (a background's is met in every scenario).
    pub(super) fn refused(mut problems: Vec<Problem>) -> Option<DeclareError> {
        problems.sort_by_cached_key(|problem| (problem.kind == ProblemKind::Access, problem.clone()));
        problems.dedup();
        (!problems.is_empty()).then_some(DeclareError::Refused(problems))
    }
}

impl Problem {
    /// A mistake in a document, at its own place.
    pub(super) fn of(why: DocumentError, kind: ProblemKind) -> Problem {
        let (file, line, column) = (why.file.clone(), why.line, why.column);
        let detail = DocumentError { file: None, line: None, column: None, ..why }.to_string();
        Problem { file, line, column, kind, detail }
    }

    pub(super) fn at(file: &Path, line: usize, kind: ProblemKind, detail: impl Into<String>) -> Problem {
        Problem { file: Some(file.into()), line: Some(line), column: None, kind, detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            for number in [self.line, self.column].into_iter().flatten() {
                write!(f, "{number}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.detail)
    }
}

fn refusal(problems: &[Problem]) -> String {
    let mut text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    let count = if problems.len() == 1 { "1 error".to_string() } else { format!("{} errors", problems.len()) };
    text.push_str(&format!("{count}; nothing was touched"));
    text
}
