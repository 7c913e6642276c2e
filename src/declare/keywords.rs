//! Finds misspelt keywords. Gherkin reads a line that it does not know as a description, so that `Giiven 4
//! webservers` below a scenario would silently be no step at all.
//!
//! A description may say anything: a line counts as a misspelt keyword only where it is one slip away from one, or is
//! a step but for its keyword. `Rules:` and a line that begins with the word Scenario are prose.

use super::error::{Problem, ProblemKind};
use super::files::FeatureFile;
use super::gherkin::{Dialect, Feature, Heading, Parsed, Place, SyntaxError, SyntaxErrorKind, Title};
use super::vocabulary::Vocabulary;

const HEADINGS: [Heading; 6] =
    [Heading::Feature, Heading::Background, Heading::Rule, Heading::Scenario, Heading::Outline, Heading::Examples];
/// English words that begin a sentence of a description and are one letter from a keyword of a step.
const ORDINARY: [&str; 20] = [
    "the", "than", "they", "them", "thin", "an", "any", "add", "end", "ant", "put", "out", "bit", "buy", "cut", "bus",
    "hen", "give", "gives", "wren",
];
/// English words that come before a colon and are a slip or two from the keyword of a heading.
const ORDINARY_HEADS: [&str; 10] =
    ["role", "roles", "ruler", "rulers", "future", "futures", "sample", "samples", "stability", "abilities"];
/// What makes another form of a word of it.
const ENDINGS: [&str; 5] = ["s", "es", "n", "en", "e"];

/// What the parser has to say, and every line of a description that was meant as a step or a heading.
pub(super) fn misspelt(file: &FeatureFile, vocabulary: &Vocabulary) -> Vec<Problem> {
    let Parsed { feature, errors, dialect } = &file.parsed;
    let keywords = Keywords { dialect, vocabulary };
    let mut problems: Vec<_> =
        errors.iter().filter(|error| !error.again).map(|error| keywords.syntax(file, error)).collect();
    for (title, below) in feature.iter().flat_map(titles) {
        problems.extend(title.prose.iter().filter_map(|(line, text)| keywords.in_prose(file, *line, text, below)));
        if below == Below::Nothing {
            problems.extend(title.prose.iter().find_map(|(line, text)| keywords.swallowed(file, *line, text)));
        }
    }
    problems
}

/// What comes below a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    Steps,
    /// Scenarios or a table, so that a step could not stand there.
    Others,
    Nothing,
}

/// All titles of a file.
fn titles(feature: &Feature) -> Vec<(&Title, Below)> {
    let rules = feature.rules.iter().map(|rule| (&rule.title, &rule.background, &rule.scenarios));
    let mut titles = Vec::new();
    for (title, background, scenarios) in
        [(&feature.title, &feature.background, &feature.scenarios)].into_iter().chain(rules)
    {
        let empty = scenarios.is_empty() && (title != &feature.title || feature.rules.is_empty());
        titles.push((title, if empty { Below::Nothing } else { Below::Others }));
        titles.extend(background.iter().map(|background| (&background.title, Below::Steps)));
        for scenario in scenarios {
            titles.push((&scenario.title, Below::Steps));
            titles.extend(scenario.examples.iter().map(|examples| (&examples.title, Below::Others)));
        }
    }
    titles
}

/// Where the text of a line of a description begins.
fn place(line: usize, text: &str) -> Place {
    Place { line, column: text.chars().take_while(|c| c.is_whitespace()).count() + 1 }
}

fn problem(file: &FeatureFile, place: Place, kind: ProblemKind, detail: String) -> Problem {
    Problem { column: Some(place.column), ..Problem::at(&file.path, place.line, kind, detail) }
}

/// The keywords of a file's language, and the steps that may follow them.
struct Keywords<'k> {
    dialect: &'k Dialect,
    vocabulary: &'k Vocabulary,
}

impl Keywords<'_> {
    /// A line of a description that was meant as a step or a heading.
    fn in_prose(&self, file: &FeatureFile, line: usize, text: &str, below: Below) -> Option<Problem> {
        let keyword = self.meant(text.trim(), below == Below::Steps)?;
        let what = if keyword.ends_with(':') { "has no keyword" } else { "is not a step" };
        let shown = text.trim();
        let detail = format!("`{shown}` {what}: Gherkin reads it as a description\n  help: write `{keyword}`");
        Some(problem(file, place(line, text), ProblemKind::MisspeltKeyword, detail))
    }

    /// A step in a description below which there is no scenario at all: its heading was forgotten.
    fn swallowed(&self, file: &FeatureFile, line: usize, text: &str) -> Option<Problem> {
        let (_, _, step) = self.dialect.step(text.trim_start())?;
        self.vocabulary.kind_of(step)?;
        let heading = self.dialect.words(Heading::Scenario).last()?;
        let detail = format!(
            "`{}` belongs to no scenario: Gherkin reads it as a description\n  help: write `{heading}: …` above it",
            text.trim()
        );
        Some(problem(file, place(line, text), ProblemKind::Incomplete, detail))
    }

    fn syntax(&self, file: &FeatureFile, error: &SyntaxError) -> Problem {
        let mut detail = error.kind.to_string();
        let mut kind = ProblemKind::Syntax;
        if let SyntaxErrorKind::Unexpected { found, .. } = &error.kind
            && let Some(keyword) = self.meant(found, true)
        {
            kind = ProblemKind::MisspeltKeyword;
            detail.push_str(&format!("\n  help: write `{keyword}`"));
        }
        problem(file, error.place, kind, detail)
    }

    /// What a line that has no keyword was meant to begin with.
    fn meant(&self, line: &str, in_steps: bool) -> Option<String> {
        if line.is_empty() || self.has_keyword(line) {
            return None;
        }
        let heading = line.split_once(':').and_then(|(head, _)| self.heading(head));
        heading.map(|word| format!("{word}:")).or_else(|| if in_steps { self.step(line) } else { None })
    }

    fn has_keyword(&self, line: &str) -> bool {
        let heading = HEADINGS.iter().any(|heading| self.dialect.heading(*heading, line).is_some());
        heading || self.dialect.step(line).is_some()
    }

    /// The heading that was meant by what comes before a colon.
    fn heading(&self, head: &str) -> Option<&'static str> {
        let words = HEADINGS.iter().flat_map(|heading| self.dialect.words(*heading)).copied();
        let word = nearest(head.trim_end(), words)?;
        let (head, lower) = (head.to_lowercase(), word.to_lowercase());
        let inflected = head.strip_prefix(&lower).is_some_and(|ending| ENDINGS.contains(&ending));
        (!inflected && !ORDINARY_HEADS.contains(&head.as_str())).then_some(word)
    }

    /// The step that was meant by a line.
    fn step(&self, line: &str) -> Option<String> {
        if let Some(kind) = self.vocabulary.kind_of(line) {
            return Some(format!("{} {line}", self.dialect.step_word(kind.into())));
        }
        let (first, rest) = line.split_once(char::is_whitespace)?;
        let word = || nearest(first.trim_end_matches(':'), self.dialect.step_words().map(|(word, _)| word.trim()));
        if let Some(kind) = self.vocabulary.kind_of(rest.trim()) {
            let word = word().unwrap_or_else(|| self.dialect.step_word(kind.into()));
            return Some(format!("{word} …"));
        }
        // Prose goes on in lower case ("and the other dies"); a keyword begins with a capital. What is ordinary is
        // only known of English.
        let prose = !first.starts_with(char::is_uppercase)
            || ORDINARY.contains(&first.trim_end_matches(':').to_lowercase().as_str())
            || self.dialect.code != "en";
        if prose { None } else { word().map(|word| format!("{word} …")) }
    }
}

/// Longer words, in bytes, are no keywords in any language, however they are misspelt.
const LONGEST: usize = 128;

/// The keyword that is at most one slip away, two for the long ones; case does not count.
fn nearest(word: &str, keywords: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if word.len() > LONGEST {
        return None;
    }
    let distance = |keyword: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &keyword.to_lowercase());
    let (distance, keyword) =
        keywords.map(|keyword| (distance(keyword), keyword)).min_by_key(|(distance, _)| *distance)?;
    let slips = if keyword.chars().count() > 4 { 2 } else { 1 };
    (distance <= slips && word.chars().count() > 1).then_some(keyword)
}
