//! The text of a graph's file, and the places in it.

use std::path::Path;

use super::GraphError;
use crate::text;

/// The text of a file, and where in it something is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'f, S = String> {
    pub(super) path: &'f Path,
    pub(super) text: S,
}

impl<'f> Text<'f> {
    /// Reads a file of UTF-8 text. A byte order mark is skipped.
    pub(super) fn read(path: &'f Path) -> Result<Self, GraphError> {
        let text = text::read(path).map_err(|why| {
            let hint = match why.place() {
                None => "name a file that holds a graph",
                Some(_) => "convert it, for example with `iconv -f ISO-8859-1 -t UTF-8`",
            };
            let (line, column) = why.place().unzip();
            let detail = format!("can't be read: {why}");
            GraphError { file: Some(path.into()), line, column, ..GraphError::new(detail) }.with_hint(hint)
        })?;
        Ok(Text { path, text })
    }

    /// An error at a line and column, both from 1.
    pub(super) fn error(
        &self,
        place: Option<(usize, usize)>,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) -> GraphError {
        let (line, column) = place.unzip();
        GraphError { file: Some(self.path.into()), line, column, ..GraphError::new(detail) }.with_hint(hint)
    }

    /// The line and column, from 1, of a byte of the text; columns are characters.
    pub(super) fn place(&self, byte: usize) -> (usize, usize) {
        let start = (0..=byte.min(self.text.len())).rev().find(|byte| self.text.is_char_boundary(*byte)).unwrap_or(0);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// A note at a byte of the text: `site.dot:3:5: …`
    pub(super) fn note(&self, byte: usize, what: &str) -> String {
        let (line, column) = self.place(byte);
        format!("{}:{line}:{column}: {what}", self.path.display())
    }
}
