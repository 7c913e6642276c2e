//! Graphviz's words: names, numbers, quoted texts, arrows and brackets, each with its place.

use super::Wrong;

const QUOTE: &str = "a name with other characters than letters, digits and `_` stands in double quotes: `\"web-1\"`";

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name that may be a keyword.
    Word(String),
    /// A number or a quoted text: never a keyword.
    Quoted(String),
    /// `->` or `--`.
    Arrow { directed: bool },
    /// One of `{ } [ ] ; , = : +`.
    Sign(char),
    /// The end of the file.
    End,
}

/// A word and the byte where it begins.
pub(super) type Placed = (Token, usize);

/// The words of a text, an [`Token::End`] at last. Else what is wrong, and at which byte.
pub(super) fn words(text: &str) -> Result<Vec<Placed>, (Wrong, usize)> {
    let mut rest = Rest { text, at: 0 };
    let mut words = Vec::new();
    loop {
        rest.pass_over()?;
        let at = rest.at;
        let token = rest.token()?;
        let ended = token == Token::End;
        words.push((token, at));
        if ended {
            return Ok(words);
        }
    }
}

struct Rest<'t> {
    text: &'t str,
    at: usize,
}

impl Rest<'_> {
    fn left(&self) -> &str {
        &self.text[self.at..]
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let left = self.left();
        let end = left.find(|c| !wanted(c)).unwrap_or(left.len());
        let taken = left[..end].to_string();
        self.at += end;
        taken
    }

    /// Blanks and comments; a line that begins with `#` is the C preprocessor's.
    fn pass_over(&mut self) -> Result<(), (Wrong, usize)> {
        loop {
            self.take_while(char::is_whitespace);
            let begins_line = self.text[..self.at].chars().next_back().is_none_or(|before| before == '\n');
            if self.left().starts_with("//") || (self.left().starts_with('#') && begins_line) {
                self.take_while(|c| c != '\n');
            } else if self.left().starts_with("/*") {
                let Some(end) = self.left().find("*/") else {
                    let wrong = ("a comment that is never closed".into(), "close it with `*/`".into());
                    return Err((wrong, self.at));
                };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, (Wrong, usize)> {
        let mut letters = self.left().chars();
        let (first, second) = (letters.next(), letters.next());
        match (first, second) {
            (None, _) => Ok(Token::End),
            (Some('-'), Some('>' | '-')) => {
                self.at += 2;
                Ok(Token::Arrow { directed: second == Some('>') })
            }
            (Some('"'), _) => self.quoted(),
            (Some(c), _) if "{}[];,=:+".contains(c) => {
                self.at += 1;
                Ok(Token::Sign(c))
            }
            (Some(c), _) if c == '_' || c.is_alphabetic() => {
                let word = self.take_while(|c| c == '_' || c.is_alphanumeric());
                self.ends(&word).map(|()| Token::Word(word))
            }
            (Some(c), _) if c == '-' || c == '.' || c.is_ascii_digit() => {
                let Some(number) = self.number() else { return Err(self.no_word(c)) };
                self.ends(&number).map(|()| Token::Quoted(number))
            }
            (Some('<'), _) => {
                let wrong = ("an HTML text `<…>` is not read".into(), "write a quoted text, or leave it out".into());
                Err((wrong, self.at))
            }
            (Some(c), _) => Err(self.no_word(c)),
        }
    }

    /// Graphviz reads `web-1` as the two names `web` and `-1`, which nobody means.
    fn ends(&self, word: &str) -> Result<(), (Wrong, usize)> {
        let mut next = self.left().chars();
        let goes_on = match next.next() {
            Some('-') => !matches!(next.next(), Some('-' | '>')),
            Some(c) => c == '.' || c == '_' || c.is_alphanumeric(),
            None => false,
        };
        if !goes_on {
            return Ok(());
        }
        let rest: String = self.left().chars().take_while(|c| *c == '-' || *c == '.' || c.is_alphanumeric()).collect();
        Err(((format!("`{word}{rest}` is no name"), QUOTE.into()), self.at - word.len()))
    }

    fn no_word(&self, begin: char) -> (Wrong, usize) {
        ((format!("`{begin}` begins no word"), QUOTE.into()), self.at)
    }

    /// `-?(.[0-9]+ | [0-9]+(.[0-9]*)?)`
    fn number(&mut self) -> Option<String> {
        let begun = self.at;
        self.at += usize::from(self.left().starts_with('-'));
        let whole = self.take_while(|c| c.is_ascii_digit());
        let dot = self.left().starts_with('.');
        self.at += usize::from(dot);
        let fraction = if dot { self.take_while(|c| c.is_ascii_digit()) } else { String::new() };
        let number = self.text[begun..self.at].to_string();
        if whole.is_empty() && fraction.is_empty() {
            self.at = begun;
            return None;
        }
        Some(number)
    }

    /// Only `\"` is an escape; a backslash at the end of a line joins it with the next.
    fn quoted(&mut self) -> Result<Token, (Wrong, usize)> {
        let begun = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            text.push_str(&self.take_while(|c| c != '"' && c != '\\'));
            let left = self.left();
            let (read, letters) = match left {
                _ if left.starts_with('"') => {
                    self.at += 1;
                    return Ok(Token::Quoted(text));
                }
                _ if left.starts_with("\\\"") => (2, "\""),
                _ if left.starts_with("\\\n") => (2, ""),
                _ if left.starts_with("\\\r\n") => (3, ""),
                _ if left.starts_with("\\\\") => (2, "\\\\"),
                "" => {
                    let wrong = ("a quote that is never closed".into(), "close it with `\"`".into());
                    return Err((wrong, begun));
                }
                _ => (1, "\\"),
            };
            self.at += read;
            text.push_str(letters);
        }
    }
}
