//! Slips in words that are known.

use std::collections::BTreeSet;

/// The words that steps are made of, in lower case.
pub(super) struct Spelling(BTreeSet<String>);

/// Longer words, in bytes, have no slip: no known word is as long.
const LONGEST: usize = 64;

impl Spelling {
    /// All words of some texts, patterns and regular expressions; `nodes?` is two.
    pub fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Spelling {
        let mut words = BTreeSet::new();
        for text in texts {
            let mut rest = text;
            while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
                rest = &rest[start..];
                let end = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '-').unwrap_or(rest.len());
                let word = rest[..end].trim_end_matches('-').to_lowercase();
                rest = &rest[end..];
                if rest.starts_with('?') && word.len() > 1 {
                    words.insert(word[..word.len() - 1].into());
                }
                words.insert(word);
            }
        }
        Spelling(words)
    }

    /// Whether a word is one of them.
    pub fn knows(&self, word: &str) -> bool {
        self.0.contains(&word.to_lowercase())
    }

    /// The text with words that are no known ones replaced by the nearest known ones. What is quoted, and what has
    /// digits in it, stays.
    pub fn corrected(&self, text: &str) -> String {
        let words: Vec<_> = text.split_whitespace().collect();
        let (mut corrected, mut quoted, mut next) = (Vec::new(), false, 0);
        while let Some(word) = words.get(next) {
            let after = words.get(next + 1).filter(|_| !quoted);
            let joined = after.and_then(|after| self.joined(word, after));
            next += if joined.is_some() { 2 } else { 1 };
            let quotes = word.matches('"').count();
            let fixed = if quoted || quotes > 0 { None } else { joined.or_else(|| self.nearest(word)) };
            quoted ^= quotes % 2 == 1;
            corrected.push(fixed.unwrap_or_else(|| (*word).into()));
        }
        corrected.join(" ")
    }

    /// The known word that two are, with a hyphen or without: `web servers`.
    fn joined(&self, word: &str, after: &str) -> Option<String> {
        [format!("{word}-{after}"), format!("{word}{after}")].into_iter().find(|joined| self.0.contains(joined))
    }

    /// The known word that was meant, if another than the one that is written.
    fn nearest(&self, written: &str) -> Option<String> {
        let word = written.trim_end_matches([',', ':']);
        let lower = word.to_lowercase();
        if !word.chars().all(|c| c.is_alphabetic() || c == '-')
            || !(2..=LONGEST).contains(&word.len())
            || self.0.contains(word)
        {
            return None;
        }
        let slips = match word.chars().count() {
            ..=2 => 0,
            3..=5 => 1,
            _ => 2,
        };
        // Of two that are as near, the one of the same letters, or of as many: most slips swap two.
        let other = |known: &str| {
            let distance = strsim::damerau_levenshtein(&lower, known);
            (distance, letters(&lower) != letters(known), known.len().abs_diff(lower.len()))
        };
        let ((distance, ..), known) = self.0.iter().map(|known| (other(known), known)).min()?;
        (distance <= slips).then(|| format!("{known}{}", &written[word.len()..]))
    }
}

fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<_> = word.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_slip_are_replaced_by_known_ones() {
        let spelling = Spelling::of(
            ["the (highest-degree) {node}s?", "dies|recovery", "node \"web-1\" dies", "webservers", "ten"].into_iter(),
        );
        for (written, meant) in [
            ("the higest-degree node dies", "the highest-degree node dies"),
            ("the highest degree node dies", "the highest-degree node dies"),
            ("the web servers", "the webservers"),
            ("teh ndoe deis", "the node dies"),
            ("recoverry < 8 min", "recovery < 8 min"),
            ("node \"recoverry of ndoe\" dies", "node \"recoverry of ndoe\" dies"),
            ("web1 explodes", "web1 explodes"),
        ] {
            assert_eq!(spelling.corrected(written), meant);
        }
    }
}
