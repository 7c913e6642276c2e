//! What may stand at a place, in the words of the file's language.

use super::dialect::{Dialect, Heading};
use super::parser::Kind;
use super::syntax::StepKind;

/// "a step (`Given`, `When`, …), `Scenario:` or `Rule:`"
pub(super) fn expected(kinds: &[Kind], dialect: &Dialect) -> String {
    // Steps first: what is missing is most often one.
    let (steps, others): (Vec<&Kind>, Vec<&Kind>) = kinds.iter().partition(|kind| **kind == Kind::Step);
    let named: Vec<_> = steps.into_iter().chain(others).filter_map(|kind| name(*kind, dialect)).collect();
    match named.as_slice() {
        [] => "the end of the file".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Comments and blank lines may stand everywhere, so they are not named; prose is expected nowhere.
fn name(kind: Kind, dialect: &Dialect) -> Option<String> {
    match kind {
        Kind::End | Kind::Empty | Kind::Comment | Kind::Prose => None,
        Kind::Language => Some("`# language: …`".into()),
        Kind::Tags => Some("a tag (`@…`)".into()),
        Kind::TableRow => Some("a row of a table (`| … |`)".into()),
        Kind::DocString => Some("a text between `\"\"\"`".into()),
        Kind::Step => Some(format!("a step ({})", steps(dialect))),
        // An outline is a kind of scenario, and a word more would not help.
        Kind::Heading(Heading::Outline) => None,
        Kind::Heading(heading) => Some(format!("`{}:`", word(heading, dialect))),
    }
}

fn word(heading: Heading, dialect: &Dialect) -> &'static str {
    let words = dialect.words(heading);
    // `Example` comes before `Scenario` in most languages, and is less known.
    let known = if heading == Heading::Scenario { words.last() } else { words.first() };
    known.expect("every language has every keyword")
}

fn steps(dialect: &Dialect) -> String {
    let kinds = [StepKind::Given, StepKind::When, StepKind::Then, StepKind::Conjunction];
    kinds.map(|kind| format!("`{}`", dialect.step_word(kind))).join(", ") + ", …"
}
