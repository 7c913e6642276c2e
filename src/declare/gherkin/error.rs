//! What is wrong with a file that is not Gherkin.

use super::syntax::Place;

/// One mistake, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {kind}", .place.line, .place.column)]
pub struct SyntaxError {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub kind: SyntaxErrorKind,
    /// Nothing was understood since the mistake before, so this one may only follow from that.
    pub again: bool,
}

/// The kinds of mistakes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxErrorKind {
    /// A line that can't stand there.
    #[error("found `{found}`, expected {expected}")]
    Unexpected {
        /// The line, without its indentation.
        found: String,
        /// What could stand there.
        expected: String,
    },
    /// The file ends in the middle of something.
    #[error("the file ends here, expected {expected}")]
    Unfinished {
        /// What was missing.
        expected: String,
    },
    /// A row that is longer or shorter than the first row of its table.
    #[error("this row has {}, expected {} as in the first row of the table", cells(.found), cells(.expected))]
    Uneven {
        /// Its cells.
        found: usize,
        /// Those of the first row.
        expected: usize,
    },
    /// A tag with a blank in it.
    #[error("a tag can't have a blank in it; start each with `@`, and a comment with ` #`")]
    TagWithBlank,
    /// The values of a row contain placeholders of each other, so that a text grows with each column.
    #[error(
        "the values of this row make the text of line {line} longer than {most} bytes; values may not multiply each other"
    )]
    Overgrown {
        /// Where the text stands.
        line: usize,
        /// The longest text that values may make, in bytes.
        most: usize,
    },
    /// The outlines of a file come to more than can be held.
    #[error("up to this row the outlines of this file make more than {most} bytes; write fewer rows, or several files")]
    TooMuch {
        /// What all rows may make together, in bytes.
        most: usize,
    },
    /// A language that Gherkin does not know.
    #[error("Gherkin has no language `{code}`; {hint}")]
    UnknownLanguage {
        /// As it was written.
        code: String,
        /// What to write instead.
        hint: String,
    },
}

fn cells(count: &usize) -> String {
    if *count == 1 { "1 cell".into() } else { format!("{count} cells") }
}
