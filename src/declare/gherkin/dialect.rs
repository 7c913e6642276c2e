//! The keywords of Gherkin's languages.

use super::syntax::StepKind;

/// Made by `scripts/gherkin_reference.py`; its head says where it comes from and under which licence.
const LANGUAGES: &str = include_str!("languages.txt");
/// The step keyword of every language, which says nothing of the step.
const ANY: &str = "* ";

/// The keywords of one language.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub code: &'static str,
    titles: [Vec<&'static str>; 6],
    steps: Vec<(&'static str, StepKind)>,
}

/// What begins with a keyword and a colon. The order is that of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heading {
    Feature,
    Background,
    Rule,
    Scenario,
    Outline,
    Examples,
}

impl Dialect {
    /// English, which holds where a file does not say otherwise.
    pub fn english() -> Dialect {
        Dialect::called("en").expect("the table has English")
    }

    /// The language of a code, `fr`.
    pub fn called(code: &str) -> Option<Dialect> {
        let mut columns = rows().find(|row| row.split('\t').next() == Some(code))?.split('\t');
        let code = columns.next()?;
        let mut words = || columns.next().unwrap_or_default().split_terminator('|').collect::<Vec<_>>();
        let titles = [words(), words(), words(), words(), words(), words()];
        let kinds = [StepKind::Given, StepKind::When, StepKind::Then, StepKind::Conjunction, StepKind::Conjunction];
        let steps = kinds.into_iter().flat_map(|kind| words().into_iter().map(move |word| (word, kind)));
        let steps = steps.chain([(ANY, StepKind::Any)]).collect();
        Some(Dialect { code, titles, steps })
    }

    /// The codes of all languages, in their order.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        rows().filter_map(|row| row.split('\t').next())
    }

    /// The keywords of a heading, without the colon.
    pub fn words(&self, heading: Heading) -> &[&'static str] {
        &self.titles[heading as usize]
    }

    /// The keywords of steps, with the blank that belongs to them.
    pub fn step_words(&self) -> impl Iterator<Item = (&'static str, StepKind)> {
        self.steps.iter().copied()
    }

    /// The first keyword of steps of such a kind, without the blank.
    pub fn step_word(&self, kind: StepKind) -> &'static str {
        let first = self.steps.iter().find(|(_, of)| *of == kind).expect("every language has every keyword");
        first.0.trim()
    }

    /// The keyword and the name, if a line (without its indentation) is such a heading.
    pub fn heading<'l>(&self, heading: Heading, line: &'l str) -> Option<(&'static str, &'l str)> {
        self.words(heading).iter().find_map(|word| Some((*word, line.strip_prefix(word)?.strip_prefix(':')?.trim())))
    }

    /// The keyword, its kind and the text, if a line (without its indentation) is a step. Of two keywords that fit, the
    /// longer one is taken.
    pub fn step<'l>(&self, line: &'l str) -> Option<(&'static str, StepKind, &'l str)> {
        let fitting = self.step_words().filter_map(|(word, kind)| Some((word, kind, line.strip_prefix(word)?.trim())));
        fitting.max_by_key(|(word, ..)| word.len())
    }
}

fn rows() -> impl Iterator<Item = &'static str> {
    LANGUAGES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_keyword() {
        assert!(Dialect::codes().count() >= 80);
        for code in Dialect::codes() {
            let dialect = Dialect::called(code).unwrap();
            assert!(dialect.titles.iter().all(|words| !words.is_empty()), "{code}");
            for kind in [StepKind::Given, StepKind::When, StepKind::Then, StepKind::Conjunction, StepKind::Any] {
                assert!(dialect.steps.iter().any(|(_, of)| *of == kind), "{code} has no {kind:?}");
            }
        }
    }

    #[test]
    fn no_keyword_of_a_step_has_two_kinds() {
        for code in Dialect::codes() {
            let dialect = Dialect::called(code).unwrap();
            for (word, kind) in &dialect.steps {
                let same = dialect.steps.iter().filter(|(other, _)| other == word);
                assert!(same.into_iter().all(|(_, of)| of == kind), "{code}: `{word}`");
            }
        }
    }

    #[test]
    fn of_two_keywords_that_fit_the_longer_one_is_taken() {
        let haitian = Dialect::called("ht").unwrap();
        assert_eq!(haitian.step("Lè sa a recovery < 8 min").map(|(word, ..)| word), Some("Lè sa a "));
        assert!(Dialect::english().step("Given").is_none(), "the blank belongs to the keyword");
    }
}
