//! Bytes that nearly are a file of some format: an example with a few mistakes, drawn by chance.

use rand::RngExt;
use rand::rngs::StdRng;

/// Mutated files are at most so long: what is long takes long, and finds no more.
const LONGEST: usize = 32 << 10;
/// Mistakes in a file, at most.
const MOST: usize = 6;
/// What is at the edge of some type, or no number at all.
const NUMBERS: [&str; 20] = [
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1e400",
    "-0.0",
    "NaN",
    ".inf",
    "0.1e-300",
];
const BYTES: [u8; 12] = [0, 1, 9, 10, 13, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0xc3, 0xff];
/// Words of no format.
const WORDS: [&str; 12] =
    ["\u{feff}", "\u{2028}", "\u{202e}", "e\u{301}", "😀", "\r\n", "\t", " ", "\"", "'", "../../..", "%00"];

/// What files of a format may begin, end or be made of.
#[derive(Debug, Clone, Copy)]
pub struct Dictionary {
    pub words: &'static [&'static str],
    /// What opens a nested item.
    pub nests: &'static [&'static str],
}

/// A few mistakes in a file; `others` are whole files of the same format.
pub fn mutated(rng: &mut StdRng, file: &[u8], others: &[Vec<u8>], dictionary: Dictionary) -> Vec<u8> {
    let mut bytes = file[..file.len().min(LONGEST)].to_vec();
    // Most of what is wrong in one place only is read further than the rest.
    let mistakes = if rng.random_bool(0.6) { 1 } else { rng.random_range(2..=MOST) };
    for _ in 0..mistakes {
        mistake(rng, &mut bytes, others, dictionary);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn mistake(rng: &mut StdRng, bytes: &mut Vec<u8>, others: &[Vec<u8>], dictionary: Dictionary) {
    let at = rng.random_range(0..=bytes.len());
    match rng.random_range(0..15) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = BYTES[rng.random_range(0..BYTES.len())],
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(piece(rng, bytes.len(), 40))),
        4 => {
            let copy = bytes[piece(rng, bytes.len(), 200)].to_vec();
            insert(bytes, at, &copy);
        }
        5 => {
            let copy = bytes[piece(rng, bytes.len(), 40)].to_vec();
            insert(bytes, at, &copy.repeat(rng.random_range(2..100)));
        }
        6 => lines(rng, bytes),
        7 => tokens(rng, bytes),
        8 | 9 => number(rng, bytes),
        10 => {
            let other = &others[rng.random_range(0..others.len())];
            let from = other[piece(rng, other.len(), 400)].to_vec();
            insert(bytes, at, &from);
        }
        11 => {
            let other = &others[rng.random_range(0..others.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[rng.random_range(0..=other.len())..]);
        }
        12 => {
            let nest = dictionary.nests[rng.random_range(0..dictionary.nests.len())];
            insert(bytes, at, nest.repeat(rng.random_range(1..2_000)).as_bytes());
        }
        13 => insert(bytes, at, WORDS[rng.random_range(0..WORDS.len())].as_bytes()),
        _ => insert(bytes, at, dictionary.words[rng.random_range(0..dictionary.words.len())].as_bytes()),
    }
}

/// A part of so many bytes, not longer than `most`.
fn piece(rng: &mut StdRng, len: usize, most: usize) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=len);
    start..start + rng.random_range(0..=most.min(len - start))
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied().take(LONGEST));
}

/// Two lines change places, or one is there twice, or not at all.
fn lines(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    let mut all: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if all.is_empty() {
        return;
    }
    let (one, other) = (rng.random_range(0..all.len()), rng.random_range(0..all.len()));
    match rng.random_range(0..3) {
        0 => all.swap(one, other),
        1 => all.insert(other, all[one].clone()),
        _ => drop(all.remove(one)),
    }
    *bytes = all.concat();
}

/// Where words and numbers are.
fn words_of(bytes: &[u8], is: impl Fn(u8) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|byte| is(*byte)).map(|next| at + next) {
        let len = bytes[start..].iter().position(|byte| !is(*byte)).unwrap_or(bytes.len() - start);
        found.push(start..start + len);
        at = start + len;
    }
    found
}

/// A word takes the place of another.
fn tokens(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    let words = words_of(bytes, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if words.is_empty() {
        return;
    }
    let copy = bytes[words[rng.random_range(0..words.len())].clone()].to_vec();
    bytes.splice(words[rng.random_range(0..words.len())].clone(), copy);
}

/// A number becomes another.
fn number(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    let numbers = words_of(bytes, |byte| byte.is_ascii_digit());
    if numbers.is_empty() {
        return;
    }
    let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
    bytes.splice(numbers[rng.random_range(0..numbers.len())].clone(), number.bytes());
}
