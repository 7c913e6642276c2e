//! Reading the text files that people write: features, YAML, JSON, TOML, DOT, GraphML, host keys, passwords.
//!
//! Such files are UTF-8. Editors on Windows put a byte order mark in front of them, which is no part of the text: it is
//! dropped here, once for all formats. Files that this program wrote itself have none.

use std::io;
use std::path::Path;

use zeroize::Zeroize as _;

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF_16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Why a text file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file could not be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file begins with the byte order mark of UTF-16.
    #[error("the file is UTF-16, expected UTF-8; save it as UTF-8")]
    Utf16,
    /// Bytes that are no character. They are not shown: they may be a part of a password.
    #[error("this is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
}

impl TextError {
    /// The line and column, both from 1, where the error has a place in the file.
    pub fn place(&self) -> Option<(usize, usize)> {
        match self {
            TextError::Io(_) => None,
            TextError::Utf16 => Some((1, 1)),
            TextError::NotUtf8 { line, column } => Some((*line, *column)),
        }
    }
}

/// The message has the place, since an [`io::Error`] has no other room for it.
impl From<TextError> for io::Error {
    fn from(why: TextError) -> io::Error {
        match why {
            TextError::Io(why) => why,
            TextError::Utf16 => io::Error::new(io::ErrorKind::InvalidData, why.to_string()),
            TextError::NotUtf8 { line, column } => {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {line}, column {column}: {why}"))
            }
        }
    }
}

/// The same error, of the same kind, which names its file: `/etc/passwd: permission denied`.
pub fn naming(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |why| io::Error::new(why.kind(), format!("{}: {why}", path.display()))
}

/// Reads a whole text file, without its byte order mark.
///
/// # Errors
/// Why it can't be read, or where it is not UTF-8.
pub fn read(path: &Path) -> Result<String, TextError> {
    decode(std::fs::read(path)?)
}

/// The text of a file's bytes, without its byte order mark. The bytes are not copied: a secret stays where it is, and
/// is wiped where it is refused.
///
/// # Errors
/// Where it is not UTF-8.
pub fn decode(mut bytes: Vec<u8>) -> Result<String, TextError> {
    if let Some(why) = complaint(&bytes) {
        bytes.zeroize();
        return Err(why);
    }
    if bytes.starts_with(UTF_8_MARK) {
        bytes.drain(..UTF_8_MARK.len());
    }
    Ok(String::from_utf8(bytes).expect("it was checked above"))
}

fn complaint(bytes: &[u8]) -> Option<TextError> {
    if UTF_16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Some(TextError::Utf16);
    }
    let good = std::str::from_utf8(bytes).err()?.valid_up_to();
    let before = std::str::from_utf8(&bytes[..good]).expect("it is valid up to there");
    let before = before.strip_prefix('\u{feff}').unwrap_or(before);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Some(TextError::NotUtf8 { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 })
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
