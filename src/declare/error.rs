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
    /// The steps that name the file, where it is no feature.
    pub used_at: Vec<(PathBuf, usize)>,
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
        once_each_file(&mut problems);
        once_each_site(&mut problems);
        (!problems.is_empty()).then_some(DeclareError::Refused(problems))
    }
}

/// What is wrong with a file that several steps name is reported once, with all of them.
fn once_each_file(problems: &mut Vec<Problem>) {
    problems.dedup_by(|next, kept| {
        let is_same =
            Problem { used_at: Vec::new(), ..next.clone() } == Problem { used_at: Vec::new(), ..kept.clone() };
        if is_same {
            kept.used_at.append(&mut next.used_at);
        }
        is_same
    });
}

/// What is wrong with a site that several scenarios name is reported at the first of them.
fn once_each_site(problems: &mut Vec<Problem>) {
    let mut kept: Vec<(Problem, Vec<usize>)> = Vec::new();
    for problem in problems.drain(..) {
        let is_same = |(other, _): &&mut (Problem, Vec<usize>)| {
            other.kind == ProblemKind::Infrastructure
                && (&other.kind, &other.file, &other.detail) == (&problem.kind, &problem.file, &problem.detail)
                && other.column.is_none()
        };
        match (kept.iter_mut().find(is_same), problem.line) {
            (Some((_, also)), Some(line)) => also.push(line),
            _ => kept.push((problem, Vec::new())),
        }
    }
    problems.extend(kept.into_iter().map(|(mut problem, also)| {
        if let Some((last, others)) = also.split_last() {
            let others = others.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            let lines = if others.is_empty() { format!("line {last}") } else { format!("lines {others} and {last}") };
            problem.detail.push_str(&format!("\n  the same holds for {lines}"));
        }
        problem
    }));
}

impl Problem {
    /// A mistake in a document, at its own place.
    pub(super) fn of(why: DocumentError, kind: ProblemKind) -> Problem {
        let (file, line, column) = (why.file.clone(), why.line, why.column);
        let detail = DocumentError { file: None, line: None, column: None, ..why }.to_string();
        Problem { file, line, column, kind, detail, used_at: Vec::new() }
    }

    pub(super) fn at(file: &Path, line: usize, kind: ProblemKind, detail: impl Into<String>) -> Problem {
        let (file, line, detail, used_at) = (Some(file.into()), Some(line), detail.into(), Vec::new());
        Problem { file, line, column: None, kind, detail, used_at }
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
        f.write_str(&self.detail)?;
        for (nth, (feature, line)) in self.used_at.iter().enumerate() {
            let begins = if nth == 0 { "\n  named at " } else { ", " };
            write!(f, "{begins}{}:{line}", feature.display())?;
        }
        Ok(())
    }
}

fn refusal(problems: &[Problem]) -> String {
    let mut text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    let count = if problems.len() == 1 { "1 error".to_string() } else { format!("{} errors", problems.len()) };
    text.push_str(&format!("{count}; nothing was touched"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_site_is_reported_once_with_the_other_lines() {
        let at = |line, kind, detail: &str| Problem::at(Path::new("a.feature"), line, kind, detail);
        let site = |line| at(line, ProblemKind::Infrastructure, "no Docker Engine answers\n  help: start it");
        let step = |line| at(line, ProblemKind::Undefined, "no step matches");
        let said = |problems| DeclareError::refused(problems).unwrap().to_string();
        assert_eq!(
            said(vec![site(9), site(3), step(5), step(7), site(12)]),
            "a.feature:3: no Docker Engine answers\n  help: start it\n  the same holds for lines 9 and 12\n\
             a.feature:5: no step matches\na.feature:7: no step matches\n3 errors; nothing was touched"
        );
        assert!(said(vec![site(3), site(9)]).contains("the same holds for line 9\n1 error;"));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_reported_once_with_the_steps_that_name_it() {
        let wrong = |used_at| Problem {
            used_at: vec![(PathBuf::from("a.feature"), used_at)],
            ..Problem::at(
                Path::new("orders.workload.yaml"),
                2,
                ProblemKind::Access,
                "`SHOP` is not set\n  help: set it",
            )
        };
        assert_eq!(
            DeclareError::refused(vec![wrong(20), wrong(6), wrong(20)]).unwrap().to_string(),
            "orders.workload.yaml:2: `SHOP` is not set\n  help: set it\n  named at a.feature:6, a.feature:20\n\
             1 error; nothing was touched"
        );
    }
}
