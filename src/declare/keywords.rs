//! Finds misspelt keywords. Gherkin takes any line it does not know for a description, so that `Giiven 4
//! webservers` would silently be no step at all.

use super::error::{Problem, ProblemKind};
use super::files::FeatureFile;
use super::vocabulary::Vocabulary;

const STEPS: [&str; 5] = ["Given", "When", "Then", "And", "But"];
const HEADERS: [&str; 11] = [
    "Feature",
    "Business Need",
    "Ability",
    "Background",
    "Rule",
    "Scenario",
    "Scenario Outline",
    "Scenario Template",
    "Example",
    "Examples",
    "Scenarios",
];
/// English words that begin a sentence of a description and are one letter from a keyword.
const ORDINARY: [&str; 20] = [
    "the", "than", "they", "them", "thin", "an", "any", "add", "end", "ant", "put", "out", "bit", "buy", "cut", "bus",
    "hen", "give", "gives", "wren",
];

/// Every line that was meant as a step or a header and is neither; or else what the parser had to say.
pub(super) fn misspelt(file: &FeatureFile, vocabulary: &Vocabulary) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut in_text = false;
    for (number, line) in file.source.lines().map(str::trim).enumerate() {
        if line.starts_with("\"\"\"") || line.starts_with("```") {
            in_text = !in_text;
        } else if !in_text && let Some(keyword) = meant(line, vocabulary) {
            let detail = format!("`{line}` is no step: Gherkin takes it for a description\n  help: write `{keyword}`");
            problems.push(Problem::at(&file.path, number + 1, ProblemKind::MisspeltKeyword, detail));
        }
    }
    if problems.is_empty() { file.syntax.clone().into_iter().collect() } else { problems }
}

/// The first line of words after a step, where Gherkin allows no description: there its parser gives up, but it
/// says so at a later line.
pub(super) fn stray_line(source: &str) -> Option<usize> {
    let (mut in_text, mut after_step) = (false, false);
    for (number, line) in source.lines().map(str::trim).enumerate() {
        if line.starts_with("\"\"\"") || line.starts_with("```") {
            in_text = !in_text;
        } else if !in_text && !line.is_empty() && !line.starts_with(['#', '@', '|']) {
            if after_step && !has_keyword(line) && !line.starts_with('*') {
                return Some(number + 1);
            }
            after_step = !HEADERS.iter().any(|header| line.starts_with(header)) && (after_step || has_keyword(line));
        }
    }
    None
}

/// What a line that has no keyword was meant to begin with.
fn meant(line: &str, vocabulary: &Vocabulary) -> Option<String> {
    if line.is_empty() || line.starts_with(['#', '@', '|', '*']) || has_keyword(line) {
        return None;
    }
    if let Some((head, _)) = line.split_once(':')
        && let Some(header) = nearest(head, &HEADERS)
    {
        return Some(format!("{header}:"));
    }
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if let Some(keyword) = vocabulary.keyword_of(line) {
        return Some(format!("{keyword} {line}"));
    }
    if let Some(keyword) = vocabulary.keyword_of(rest.trim()) {
        return Some(format!("{} …", nearest(first, &STEPS).unwrap_or(keyword)));
    }
    // Prose goes on in lower case ("and the other dies"); a keyword begins with a capital.
    let word = first.trim_end_matches(':');
    let prose = !word.starts_with(char::is_uppercase) || ORDINARY.contains(&word.to_lowercase().as_str());
    if prose || rest.is_empty() { None } else { nearest(word, &STEPS).map(|keyword| format!("{keyword} …")) }
}

fn has_keyword(line: &str) -> bool {
    let step = STEPS.iter().any(|keyword| line.strip_prefix(keyword).is_some_and(|rest| rest.starts_with(' ')));
    let header = HEADERS.iter().any(|keyword| line.strip_prefix(keyword).is_some_and(|rest| rest.starts_with(':')));
    step || header
}

/// The keyword that is at most one slip away, two for the long ones; case does not count.
fn nearest<'k>(word: &str, keywords: &[&'k str]) -> Option<&'k str> {
    let distance = |keyword: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &keyword.to_lowercase());
    let keyword = keywords.iter().min_by_key(|keyword| distance(keyword))?;
    (distance(keyword) <= if keyword.len() > 4 { 2 } else { 1 }).then_some(keyword)
}
