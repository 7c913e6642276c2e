//! Numbers on the command line: what is expected stands in the error.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Reads a whole number of this range.
pub(super) fn whole<N>(range: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, String> + Clone
where
    N: FromStr + PartialOrd + Display + Copy,
{
    move |text| {
        let found = text.parse().ok().filter(|number| range.contains(number));
        found.ok_or_else(|| format!("a whole number from {} to {} is expected", range.start(), range.end()))
    }
}

/// Reads a percentage, without its sign.
///
/// # Errors
/// What is no number.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let found = text.parse().ok().filter(|number: &f64| number.is_finite());
    found.ok_or_else(|| "a number is expected, without a sign, such as `25` or `0.5`".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_said_whatever_was_written() {
        let why = Err("a whole number from 1 to 8 is expected".to_string());
        for text in ["x", "-1", "0", "9", "1.5", "", "99999999999999999999"] {
            assert_eq!(whole(1..=8u16)(text), why, "{text}");
        }
        assert_eq!(whole(1..=8u16)("3"), Ok(3));
        assert!(percent("25").is_ok() && percent("25 %").is_err() && percent("NaN").is_err());
    }
}
