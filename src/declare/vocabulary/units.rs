//! A step in which a number has no unit: the same step with the unit that makes it one.

use super::suggest::COMPARED;
use super::{Pattern, Vocabulary};

/// What may be missing behind a number. Of a duration seconds are meant, as of most steps.
const UNITS: [&str; 3] = [SECONDS, "%", " Mbit/s"];
const SECONDS: &str = " s";
/// What is meant where a pattern speaks of latencies.
const MILLISECONDS: &str = " ms";
const LATENCY: &str = "{quantile}";
/// So many numbers of a step are tried, alone and two together.
const NUMBERS: usize = 6;

/// A step with the units that were missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WithUnits {
    /// `Given`, `When` or `Then`.
    pub keyword: &'static str,
    /// The whole step.
    pub text: String,
    /// The numbers that have no unit, as they were written, from left to right.
    pub bare: Vec<String>,
}

impl Vocabulary {
    /// A text that is a step once one of its numbers has a unit, or two have: `a webserver hangs for 1 s` for `… for 1`. At most 33 texts are
    /// tried, whatever the text is.
    pub(super) fn with_units(&self, text: &str) -> Option<WithUnits> {
        if text.len() > COMPARED {
            return None;
        }
        let numbers = bare_numbers(text);
        let pairs =
            numbers.iter().enumerate().flat_map(|(nth, one)| numbers[nth + 1..].iter().map(move |two| [one, two]));
        let single = numbers.iter().flat_map(|end| UNITS.iter().map(move |unit| (vec![*end], *unit)));
        let mut candidates = single.chain(pairs.map(|[one, two]| (vec![*one, *two], SECONDS)));
        candidates.find_map(|(ends, unit)| {
            let pattern = self.step_of(&with(text, &ends, unit))?;
            let unit = if unit == SECONDS && pattern.text.contains(LATENCY) { MILLISECONDS } else { unit };
            let bare = ends.iter().map(|end| number_before(text, *end).to_string()).collect();
            Some(WithUnits { keyword: pattern.keyword, text: with(text, &ends, unit), bare })
        })
    }

    fn step_of(&self, text: &str) -> Option<&Pattern> {
        self.matching(text).first().copied()
    }
}

/// Where numbers end that are words for themselves, outside of quotes: the first few of them.
fn bare_numbers(text: &str) -> Vec<usize> {
    let (mut ends, mut quoted, mut at) = (Vec::new(), false, 0);
    for word in text.split(' ') {
        let end = at + word.len();
        let is_number = word.starts_with(|c: char| c.is_ascii_digit())
            && word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_');
        if is_number && !quoted {
            ends.push(end);
        }
        quoted ^= word.matches('"').count() % 2 == 1;
        at = end + 1;
    }
    ends.truncate(NUMBERS);
    ends
}

fn number_before(text: &str, end: usize) -> &str {
    let before = &text[..end];
    &before[before.rfind(' ').map_or(0, |blank| blank + 1)..]
}

/// A text with a unit at some of its places, which are in their order.
fn with(text: &str, ends: &[usize], unit: &str) -> String {
    let mut text = text.to_string();
    ends.iter().rev().for_each(|end| text.insert_str(*end, unit));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_alone_and_outside_of_quotes() {
        let numbers = |text: &'static str| -> Vec<&str> {
            bare_numbers(text).into_iter().map(|end| number_before(text, end)).collect()
        };
        assert_eq!(numbers("3 webservers die every 1.5 for 2_000"), ["3", "1.5", "2_000"]);
        assert_eq!(numbers("process \"a 1\" on node \"web-1\" stops for 5"), ["5"]);
        assert!(numbers("web-1 hangs for 1s 99% p99").is_empty());
        assert_eq!(numbers("1 2 3 4 5 6 7 8").len(), NUMBERS);
    }
}
