//! One line: its indentation, its tags, its cells.

use super::syntax::{Place, Tag};

/// A line of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    /// From 1.
    pub number: usize,
    /// As it is, without its end.
    pub whole: &'t str,
    /// Without its indentation.
    pub body: &'t str,
    /// How many characters stand before the body.
    pub indent: usize,
}

/// All lines of a text, whether they end in LF or in CR and LF.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    text.split_terminator('\n').enumerate().map(|(index, line)| Line::new(index + 1, line)).collect()
}

impl<'t> Line<'t> {
    fn new(number: usize, text: &'t str) -> Line<'t> {
        let whole = text.trim_end_matches('\r');
        let body = whole.trim_start();
        Line { number, whole, body, indent: whole[..whole.len() - body.len()].chars().count() }
    }

    /// Where its body begins.
    pub fn place(&self) -> Place {
        Place { line: self.number, column: self.indent + 1 }
    }

    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The language that a line names: `# language: fr`.
    pub fn language(&self) -> Option<&'t str> {
        let rest = self.body.strip_prefix('#')?.trim_start().strip_prefix("language")?;
        let code = rest.trim_start().strip_prefix(':')?.trim();
        let fits = |c: char| c.is_ascii_alphabetic() || c == '-' || c == '_';
        (!code.is_empty() && code.chars().all(fits)).then_some(code)
    }

    /// Without at most so many characters of indentation; all of it where there is less.
    pub fn without_indent(&self, indent: usize) -> &'t str {
        if indent > self.indent {
            return self.body;
        }
        self.whole.char_indices().nth(indent).map_or("", |(start, _)| &self.whole[start..])
    }

    /// The tags of a line that begins with `@`; a blank and `#` begin a comment.
    ///
    /// # Errors
    /// The place of a tag with a blank in it, which no tag may have.
    pub fn tags(&self) -> Result<Vec<Tag>, Place> {
        let text = self.body.trim();
        let comment = text.match_indices('#').map(|(at, _)| at).find(|at| text[..*at].ends_with(char::is_whitespace));
        let text = text[..comment.unwrap_or(text.len())].trim_end();
        let mut place = self.place();
        let mut tags = Vec::new();
        for written in text.split('@').skip(1) {
            let name = written.trim();
            if name.contains(char::is_whitespace) {
                return Err(place);
            }
            tags.push(Tag { place, name: name.into() });
            place.column += written.chars().count() + 1;
        }
        Ok(tags)
    }

    /// The cells of a line that begins with `|`. What follows the last `|` is none. Only `\n`, `\|` and `\\` are
    /// escapes: any other backslash is one.
    pub fn cells(&self) -> Vec<String> {
        let (mut cells, mut cell) = (Vec::new(), String::new());
        let mut characters = self.body.trim_end().chars().skip(1);
        while let Some(character) = characters.next() {
            match character {
                '|' => cells.push(std::mem::take(&mut cell)),
                '\\' => match characters.next() {
                    Some('n') => cell.push('\n'),
                    Some(escaped @ ('|' | '\\')) => cell.push(escaped),
                    other => cell.extend(std::iter::once('\\').chain(other)),
                },
                other => cell.push(other),
            }
        }
        // A line end that was written as `\n` belongs to the cell.
        let blank = |c: char| c.is_whitespace() && c != '\n';
        cells.into_iter().map(|cell| cell.trim_matches(blank).into()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_escapes_are_known_in_cells() {
        let cells = |text: &str| lines(text)[0].cells();
        assert_eq!(
            cells(r"| the\1st | pipe \| in | a \\ b | two\nlines | \n |"),
            [r"the\1st", "pipe | in", r"a \ b", "two\nlines", "\n"]
        );
        assert_eq!(cells(r"|\\n|\\\||"), [r"\n", r"\|"]);
        assert_eq!(cells("| a | no cell"), ["a"]);
        assert_eq!(cells(r"| a | b\"), ["a"]);
        assert!(cells("|").is_empty());
    }

    #[test]
    fn a_blank_and_a_number_sign_end_the_tags_of_a_line() {
        let tags = |text: &str| {
            let tags = lines(text)[0].tags();
            tags.map(|tags| tags.iter().map(|tag| format!("{}:{}", tag.place.column, tag.name)).collect::<Vec<_>>())
        };
        assert_eq!(tags("  @a @b#c@d # e @f"), Ok(["3:a", "6:b#c", "10:d"].map(String::from).into()));
        assert_eq!(tags(" @a @b c"), Err(Place { line: 1, column: 5 }));
    }

    #[test]
    fn indentation_is_counted_in_characters() {
        let line = lines("\u{a0}\tü")[0];
        assert_eq!((line.place().column, line.without_indent(1), line.without_indent(9)), (3, "\tü", "ü"));
    }

    #[test]
    fn a_language_is_named_by_its_code_alone() {
        let language = |text| lines(text)[0].language();
        assert_eq!(language("  #language:fr  "), Some("fr"));
        assert_eq!(language("# language : en-Scouse"), Some("en-Scouse"));
        assert_eq!(language("# languages: fr"), None);
        assert_eq!(language("# language: fr (French)"), None);
    }
}
