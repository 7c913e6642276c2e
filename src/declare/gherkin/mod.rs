//! Gherkin: from the text of a feature file to its parts, and from these to scenarios. Pure functions, which know
//! nothing of what the steps mean.
//!
//! Files are read as the reference parser (cucumber/gherkin) reads them: all its languages, descriptions, escapes,
//! indentation, tags of examples, backgrounds of rules, and the lines of all of these. `tests/gherkin/` holds features
//! of every kind with the reference parser's answers. The `gherkin` crate that cucumber uses is not asked: it reads
//! descriptions, backslashes in cells, languages and lines of rows otherwise.
//!
//! [`parse`] reads by the grammar in [`parser`], line by line ([`line`]), with the keywords of a [`dialect`];
//! [`pickles`] makes scenarios of what it found.

mod dialect;
mod error;
mod expected;
mod fill;
mod line;
mod open;
mod parser;
mod pickle;
mod syntax;

pub use error::{SyntaxError, SyntaxErrorKind};
pub use pickle::{Pickle, PickleStep, pickles};
pub use syntax::{
    Background, DocString, Examples, Feature, Place, Rule, Scenario, Step, StepKind, TableRow, Tag, Title,
};

pub(super) use dialect::{Dialect, Heading};
pub(super) use parser::{Parsed, read};
pub(super) use pickle::unknown_placeholder;

/// Reads the text of a feature file, which has no byte order mark any more. No feature is in an empty file, and in one
/// that only has comments.
///
/// # Errors
/// All mistakes, in the order of lines, at most ten.
pub fn parse(text: &str) -> Result<Option<Feature>, Vec<SyntaxError>> {
    let Parsed { feature, mut errors, .. } = read(text);
    errors.sort_by_key(|error| error.place);
    if errors.is_empty() { Ok(feature) } else { Err(errors) }
}

#[cfg(test)]
mod reference_tests;
