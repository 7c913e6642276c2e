//! What can be wrong with a declared infrastructure or role.

use std::path::{Path, PathBuf};

use crate::text::TextError;

/// One clear error: file, line, column, what was found, what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{detail}{}", place(.file, .line, .column), help(.hint))]
#[non_exhaustive]
pub struct DocumentError {
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
    /// The setting of `chimp.toml` that is wrong, by the names of the tables above it and its own: then the place is there.
    pub(crate) setting: Option<Box<[String]>>,
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

impl DocumentError {
    /// An error without a place.
    pub fn new(detail: impl Into<String>) -> Self {
        DocumentError { file: None, line: None, column: None, detail: detail.into(), hint: None, setting: None }
    }

    /// A text file that can't be read, with the place where it is not UTF-8.
    pub(crate) fn unreadable(path: &Path, why: &TextError) -> Self {
        let (line, column) = why.place().unzip();
        let detail = format!("can't be read: {why}");
        DocumentError { file: Some(path.into()), line, column, ..DocumentError::new(detail) }
    }

    /// The same with what to do.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        DocumentError { hint: Some(hint.into()), ..self }
    }

    /// The same about a setting: `["compose", "words", "app"]`.
    pub(crate) fn of_setting(self, path: &[&str]) -> Self {
        DocumentError { setting: Some(path.iter().map(ToString::to_string).collect()), ..self }
    }
}

/// Everything that is wrong with a file, as far as each thing can be judged by itself; at least one mistake, in the order of
/// lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", one_below_the_other(.0))]
pub struct Mistakes(pub Vec<DocumentError>);

fn one_below_the_other(mistakes: &[DocumentError]) -> String {
    mistakes.iter().map(DocumentError::to_string).collect::<Vec<_>>().join("\n")
}

impl From<DocumentError> for Mistakes {
    fn from(one: DocumentError) -> Mistakes {
        Mistakes(vec![one])
    }
}

impl Mistakes {
    /// All of them; nothing where there is none.
    ///
    /// # Errors
    /// There are some.
    pub(crate) fn none(mut all: Vec<DocumentError>) -> Result<(), Mistakes> {
        all.sort_by_key(|mistake| (mistake.line, mistake.column));
        all.dedup();
        if all.is_empty() { Ok(()) } else { Err(Mistakes(all)) }
    }
}

/// Longer texts, in bytes, are no words that somebody mistyped. Comparing two takes time and memory that grow with the
/// product of their lengths: gigabytes for two of 30 kB.
const LONGEST: usize = 256;
/// How many known words are worth reading.
const LISTED: usize = 12;

/// "did you mean `webserver`?" for the known word that is nearest to what was found, if any is near. A word that differs
/// in its number alone is near to all its neighbours, so none is meant more than another.
pub fn did_you_mean<'k>(found: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let has_number = found.contains(|c: char| c.is_ascii_digit());
    known
        .into_iter()
        .filter(|word| !has_number || without_digits(word) != without_digits(found))
        .filter(|word| word.len().max(found.len()) <= LONGEST)
        .map(|word| (strsim::damerau_levenshtein(found, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.chars().count().max(found.chars().count()) / 4)
        .min()
        .map(|(_, word)| format!("did you mean `{word}`?"))
}

fn without_digits(word: &str) -> String {
    word.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// The nearest known word, else all of them, or the first dozen.
pub fn one_of<'k>(found: &str, kind: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    did_you_mean(found, known.iter().copied()).unwrap_or_else(|| {
        let listed = known.iter().take(LISTED).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match known.len() {
            0 => format!("there are no {kind}"),
            all if all > LISTED => format!("known {kind}: {listed} and {} more", all - LISTED),
            _ => format!("known {kind}: {listed}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_has_a_nearest_word_and_a_wrong_number_has_none() {
        let known = ["web-1", "web-2", "lb-1"];
        assert_eq!(one_of("wbe-1", "servers", known), "did you mean `web-1`?");
        assert_eq!(one_of("web1", "servers", known), "did you mean `web-1`?");
        assert_eq!(one_of("web-9", "servers", known), "known servers: `web-1`, `web-2`, `lb-1`");
        assert_eq!(did_you_mean("database", ["database-1"]), Some("did you mean `database-1`?".into()));
        assert_eq!(
            did_you_mean("web", ["web1"]),
            Some("did you mean `web1`?".into()),
            "it has no number that is wrong"
        );
        assert_eq!(one_of("x", "servers", []), "there are no servers");
    }

    #[test]
    fn a_text_as_long_as_a_file_is_near_to_nothing() {
        let long = "web-".repeat(100_000);
        assert_eq!(did_you_mean(&long, [long.as_str(), "web-1"]), None);
        assert_eq!(did_you_mean("wbe-1", [long.as_str(), "web-1"]), Some("did you mean `web-1`?".into()));
    }

    #[test]
    fn of_many_words_the_first_dozen_is_listed() {
        let many: Vec<String> = (1..=40).map(|n| format!("web-{n}")).collect();
        let told = one_of("web-99", "servers", many.iter().map(String::as_str));
        assert!(told.ends_with("`web-12` and 28 more"), "{told}");
    }
}
