//! What can be wrong with a declared infrastructure or role.

use std::path::PathBuf;

/// One clear error: file, line, column, what was found, what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{detail}{}", place(.file, .line, .column), help(.hint))]
pub struct InfrastructureError {
    /// The file, where it came from one.
    pub file: Option<PathBuf>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1.
    pub column: Option<usize>,
    /// What is wrong and what was expected, lower case, naming the object.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
}

fn place(file: &Option<PathBuf>, line: &Option<usize>, column: &Option<usize>) -> String {
    let mut place = file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    for number in [line, column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    if place.is_empty() { place } else { place + ": " }
}

fn help(hint: &Option<String>) -> String {
    hint.as_ref().map(|hint| format!("\n  help: {hint}")).unwrap_or_default()
}

impl InfrastructureError {
    /// An error without a place.
    pub fn new(detail: impl Into<String>) -> Self {
        InfrastructureError { file: None, line: None, column: None, detail: detail.into(), hint: None }
    }

    /// The same with what to do.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        InfrastructureError { hint: Some(hint.into()), ..self }
    }
}

/// "did you mean `webserver`?" for the known word that is nearest to what was found, if any is near.
pub fn did_you_mean<'k>(found: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(found, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.chars().count().max(found.chars().count()) / 4)
        .min()
        .map(|(_, word)| format!("did you mean `{word}`?"))
}

/// The nearest known word, else all of them.
pub fn one_of<'k>(found: &str, kind: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    did_you_mean(found, known.iter().copied()).unwrap_or_else(|| {
        let listed = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        if listed.is_empty() { format!("there are no {kind}") } else { format!("known {kind}: {listed}") }
    })
}
