//! The values of a row in the place of an outline's placeholders.
//!
//! As in the reference parser, the columns are filled in one after the other, so a value may contain the placeholder of a
//! later column. Values that contain several of them let a text double with each column. A text that grows so is refused.

use super::error::{SyntaxError, SyntaxErrorKind};
use super::syntax::Place;

/// The longest text that values may make, in bytes. A text that contains no placeholder may be of any length.
const LONGEST: usize = 64 << 10;
/// What the values of all rows of a file may make together, in bytes.
const MOST: usize = 16 << 20;

/// The values of a row by the names of its columns.
pub(super) type Values<'v> = [(&'v str, &'v str)];

/// Fills the placeholders of one file.
#[derive(Debug)]
pub(super) struct Filler {
    /// Of the row that is filled in now.
    place: Place,
    /// How many bytes the values may still make.
    left: usize,
}

impl Default for Filler {
    fn default() -> Filler {
        Filler { place: Place { line: 1, column: 1 }, left: MOST }
    }
}

impl Filler {
    /// The next texts are those of this row.
    pub fn begin(&mut self, place: Place) {
        self.place = place;
    }

    /// A text of this line, with the values in the place of `<names>`.
    ///
    /// # Errors
    /// When the text, or all texts of the file together, would become too long.
    pub fn fill(&mut self, line: usize, text: &str, values: &Values<'_>) -> Result<String, SyntaxError> {
        let mut filled = text.to_string();
        for (name, value) in values {
            let placeholder = format!("<{name}>");
            let found = filled.matches(&placeholder).count();
            let longer = filled.len() - found * placeholder.len() + found.saturating_mul(value.len());
            if found > 0 && longer > LONGEST.max(filled.len()) {
                return Err(self.refused(SyntaxErrorKind::Overgrown { line, most: LONGEST }));
            }
            filled = filled.replace(&placeholder, value);
        }
        if !values.is_empty() {
            let left = self.left.checked_sub(filled.len());
            self.left = left.ok_or_else(|| self.refused(SyntaxErrorKind::TooMuch { most: MOST }))?;
        }
        Ok(filled)
    }

    fn refused(&self, kind: SyntaxErrorKind) -> SyntaxError {
        SyntaxError { place: self.place, kind, again: false }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SyntaxError, parse, pickles};

    fn refused(text: &str) -> SyntaxError {
        pickles(&parse(text).unwrap().expect("a feature")).expect_err("it must not grow")
    }

    /// Each column's value holds the placeholder of the next one twice.
    fn doubling(columns: usize) -> String {
        let names: Vec<String> = (0..=columns).map(|column| format!("c{column}")).collect();
        let values: Vec<String> = names.iter().skip(1).map(|name| format!("<{name}><{name}>")).collect();
        let (header, row) = (names.join(" | "), values.join(" | "));
        format!("Feature: f\nScenario Outline: s\nGiven <c0>\nExamples:\n| {header} |\n| {row} | x |\n")
    }

    #[test]
    fn values_that_hold_placeholders_are_filled_as_the_reference_parser_does() {
        let feature = parse(&doubling(10)).unwrap().expect("a feature");
        assert_eq!(pickles(&feature).unwrap()[0].steps[0].step.value, "x".repeat(1 << 10));
    }

    #[test]
    fn a_text_that_doubles_with_each_column_is_refused_with_its_row_and_its_line() {
        let why = refused(&doubling(60));
        assert_eq!((why.place.line, why.place.column), (6, 1));
        assert_eq!(
            why.kind.to_string(),
            "the values of this row make the text of line 3 longer than 65536 bytes; values may not multiply each other"
        );
    }

    #[test]
    fn rows_whose_texts_are_too_long_together_are_refused() {
        let long = "x".repeat(60_000);
        let rows = format!("| {long} |\n").repeat(300);
        let text = format!("Feature: f\nScenario Outline: s\nGiven <a>\nExamples:\n| a |\n{rows}");
        let why = refused(&text);
        assert!(why.place.line > 200, "{why}");
        assert!(
            why.kind.to_string().starts_with("up to this row the outlines of this file make more than 16777216 bytes")
        );
    }

    #[test]
    fn a_long_text_without_placeholders_may_be_as_long_as_it_is() {
        let long = "x".repeat(200_000);
        let text = format!("Feature: f\nScenario Outline: s\nGiven {long}\nExamples:\n| a |\n| b |\n");
        assert_eq!(pickles(&parse(&text).unwrap().expect("a feature")).unwrap()[0].steps[0].step.value, long);
    }
}
