//! Graphviz's words: names, numbers, quoted texts, HTML texts, arrows and brackets, each with its place.

use super::Wrong;

const QUOTE: &str = "a name with other characters than letters, digits and `_` stands in double quotes: `\"web-1\"`";

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name that may be a keyword.
    Word(String),
    /// A number: never a keyword.
    Number(String),
    /// A quoted text: never a keyword, and the only word that `+` joins.
    Quoted(String),
    /// An HTML text, with its outer `<` and `>`.
    Html(String),
    /// `->` or `--`.
    Arrow { directed: bool },
    /// One of `{ } [ ] ; , = : + @`.
    Sign(char),
    /// The end of the file.
    End,
}

/// A word and the byte where it starts.
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

    /// Blanks and comments; a line that starts with `#` is the C preprocessor's.
    fn pass_over(&mut self) -> Result<(), (Wrong, usize)> {
        loop {
            self.take_while(|c| c.is_ascii_whitespace() || c == '\u{b}');
            let starts_line = self.text[..self.at].chars().next_back().is_none_or(|before| before == '\n');
            if self.left().starts_with("//") || (self.left().starts_with('#') && starts_line) {
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
            (Some(c), _) if "{}[];,=:+@".contains(c) => {
                self.at += 1;
                Ok(Token::Sign(c))
            }
            (Some(c), _) if is_letter(c) => {
                let word = self.take_while(|c| is_letter(c) || c.is_ascii_digit());
                self.ends(&word).map(|()| Token::Word(word))
            }
            (Some(c), _) if c == '-' || c == '.' || c.is_ascii_digit() => {
                let Some(number) = self.number() else { return Err(self.no_word(c)) };
                self.ends(&number).map(|()| Token::Number(number))
            }
            (Some('<'), _) => self.html(),
            (Some(c), _) => Err(self.no_word(c)),
        }
    }

    /// Graphviz reads `web-1` as the two names `web` and `-1`, which is never what was meant.
    fn ends(&self, word: &str) -> Result<(), (Wrong, usize)> {
        let mut next = self.left().chars();
        let goes_on = match next.next() {
            Some('-') => !matches!(next.next(), Some('-' | '>')),
            Some(c) => c == '.' || is_letter(c) || c.is_ascii_digit(),
            None => false,
        };
        if !goes_on {
            return Ok(());
        }
        let rest: String =
            self.left().chars().take_while(|c| "-.".contains(*c) || is_letter(*c) || c.is_ascii_digit()).collect();
        Err(((format!("`{word}{rest}` is not a name"), QUOTE.into()), self.at - word.len()))
    }

    fn no_word(&self, start: char) -> (Wrong, usize) {
        ((format!("no word starts with {start:?}"), QUOTE.into()), self.at)
    }

    /// `-?(.[0-9]+ | [0-9]+(.[0-9]*)?)`
    fn number(&mut self) -> Option<String> {
        let started = self.at;
        self.at += usize::from(self.left().starts_with('-'));
        let whole = self.take_while(|c| c.is_ascii_digit());
        let dot = self.left().starts_with('.');
        self.at += usize::from(dot);
        let fraction = if dot { self.take_while(|c| c.is_ascii_digit()) } else { String::new() };
        let number = self.text[started..self.at].to_string();
        if whole.is_empty() && fraction.is_empty() {
            self.at = started;
            return None;
        }
        Some(number)
    }

    /// `<…>` with as many `<` as `>` in it. Graphviz counts those of HTML comments as well.
    fn html(&mut self) -> Result<Token, (Wrong, usize)> {
        let (started, mut open) = (self.at, 1_usize);
        self.at += 1;
        while open > 0 {
            let left = self.left();
            let Some(next) = left.find(['<', '>']) else { break };
            open = if left[next..].starts_with('<') { open + 1 } else { open - 1 };
            self.at += next + 1;
        }
        if open == 0 {
            return Ok(Token::Html(self.text[started..self.at].to_string()));
        }
        let hint = "close it with `>`; every `<` in it needs its own `>`";
        Err((("an HTML text that is never closed".into(), hint.into()), started))
    }

    /// Only `\"` is an escape; a backslash at the end of a line joins it with the next.
    fn quoted(&mut self) -> Result<Token, (Wrong, usize)> {
        let started = self.at;
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
                    return Err((wrong, started));
                }
                _ => (1, "\\"),
            };
            self.at += read;
            text.push_str(letters);
        }
    }
}

/// As Graphviz has it: a letter is one of ASCII, `_`, or any character beyond ASCII.
fn is_letter(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || !c.is_ascii()
}
