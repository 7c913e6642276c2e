//! Units: percentages, rates, quantiles and bounds as types of their own.
//!
//! Text becomes units only in `steps/params.rs` (Gherkin) and in serde (YAML, TOML, JSON); everything else
//! passes these types around. Durations are [`std::time::Duration`]; in files they are written as people write
//! them ("500 ms", "3 min 30 s"), see [`duration`].

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub mod duration;

/// A percentage between 0 and 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(pub f64);

/// Events a second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub f64);

/// A statistic of latency. `Quantile::At(0.99)` is written `p99`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Quantile {
    /// The value below which this share (0 to 1, exclusive) of the samples lies.
    At(f64),
    /// The arithmetic mean.
    Mean,
    /// The largest sample.
    Maximum,
}

/// What a measured value is compared with. `under`, `<`, `over` and `>` exclude the limit; `at least` and
/// `at most` include it; `between` includes both ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bound<T> {
    /// `under X`, `< X`
    Under(T),
    /// `over X`, `> X`
    Over(T),
    /// `at least X`
    AtLeast(T),
    /// `at most X`
    AtMost(T),
    /// `between X and Y`
    Between(T, T),
}

/// Reads a number that must be more than zero.
///
/// # Errors
/// When it is not.
pub fn positive<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + PartialOrd + Default + fmt::Display,
    D: serde::Deserializer<'de>,
{
    let number = T::deserialize(deserializer)?;
    let too_little = || serde::de::Error::custom(format!("{number} is too little; expected more than zero"));
    if number > T::default() { Ok(number) } else { Err(too_little()) }
}

/// A bound on a duration.
pub type DurationBound = Bound<HumanDuration>;
/// A bound on a percentage.
pub type PercentBound = Bound<Percent>;

/// A [`Duration`] that is read and written as people write it: `500ms`, `8 min`, `3 min 30 s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct HumanDuration(pub Duration);

impl<T: Copy + PartialOrd> Bound<T> {
    /// Whether `value` keeps the bound.
    pub fn holds(&self, value: T) -> bool {
        match *self {
            Bound::Under(limit) => value < limit,
            Bound::Over(limit) => value > limit,
            Bound::AtLeast(limit) => value >= limit,
            Bound::AtMost(limit) => value <= limit,
            Bound::Between(low, high) => low <= value && value <= high,
        }
    }

    /// The largest value the bound names: how long it can matter to wait.
    pub fn largest(&self) -> T {
        match *self {
            Bound::Under(x) | Bound::Over(x) | Bound::AtLeast(x) | Bound::AtMost(x) => x,
            Bound::Between(_, high) => high,
        }
    }
}

impl<T: Copy> Bound<T> {
    /// The same bound in another unit.
    pub fn map<U>(&self, convert: impl Fn(T) -> U) -> Bound<U> {
        match *self {
            Bound::Under(x) => Bound::Under(convert(x)),
            Bound::Over(x) => Bound::Over(convert(x)),
            Bound::AtLeast(x) => Bound::AtLeast(convert(x)),
            Bound::AtMost(x) => Bound::AtMost(convert(x)),
            Bound::Between(x, y) => Bound::Between(convert(x), convert(y)),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Under(x) => write!(f, "< {x}"),
            Bound::Over(x) => write!(f, "> {x}"),
            Bound::AtLeast(x) => write!(f, "≥ {x}"),
            Bound::AtMost(x) => write!(f, "≤ {x}"),
            Bound::Between(x, y) => write!(f, "{x} to {y}"),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", trimmed(self.0, 3))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", trimmed(self.0, 1))
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantile::At(share) => write!(f, "p{}", trimmed(share * 100.0, 4)),
            Quantile::Mean => f.write_str("mean"),
            Quantile::Maximum => f.write_str("maximum"),
        }
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_duration(self.0))
    }
}

impl From<Duration> for HumanDuration {
    fn from(duration: Duration) -> Self {
        HumanDuration(duration)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&humantime::format_duration(self.0).to_string())
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written)
    }
}

/// The text of a duration; anything else is refused with an example.
struct Written;

impl serde::de::Visitor<'_> for Written {
    type Value = HumanDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"5 s\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HumanDuration, E> {
        parse_duration(text).map(HumanDuration).map_err(E::custom)
    }
}

/// Reads a duration: a number and a unit (`ms`, `s`, `min`, `h`, …), repeated; spaces and `_` are free.
///
/// # Errors
/// Says what was found and what a duration looks like.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(&text.replace('_', "")).map_err(|why| {
        let why = why.to_string();
        let why = why.split_once(", supported units").map_or(why.as_str(), |(why, _)| why);
        let units = "its units are `us`, `ms`, `s`, `min`, `h` and `d`";
        format!("`{text}` is not a duration ({why}; {units}); write for example `500 ms`, `8 min` or `3 min 30 s`")
    })?;
    if duration > LONGEST { Err(format!("`{text}` is more than a year")) } else { Ok(duration) }
}

/// Nothing that is tested takes as long, and moments that such durations are added to stay far from the largest number.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A duration that is written as in files (`1m`, `50ms`) as it is shown to people (`1 min`, `50 ms`); `None` where it is none, or
/// would lose digits.
pub fn shown_alike(written: &str) -> Option<String> {
    let duration = parse_duration(written).ok()?;
    Some(show_duration(duration)).filter(|shown| parse_duration(shown).ok() == Some(duration))
}

/// A duration as a reader wants it: `84 ms`, `1.03 s`, `8 min`, `3 min 30 s`.
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1e-3 && seconds > 0.0 {
        return format!("{} µs", duration.as_micros());
    }
    if seconds < 1.0 {
        return format!("{} ms", trimmed(seconds * 1000.0, if seconds < 0.01 { 1 } else { 0 }));
    }
    if seconds < 60.0 {
        return format!("{} s", trimmed(seconds, 2));
    }
    // Rounded before it is split, or 119.97 s would read as 1 min 60 s.
    let tenths = (seconds * 10.0).round();
    let (hours, minutes, rest) =
        ((tenths / 36_000.0).floor(), (tenths % 36_000.0 / 600.0).floor(), tenths % 600.0 / 10.0);
    let parts = [(hours, 0, "h"), (minutes, 0, "min"), (rest, 1, "s")];
    let shown = parts.iter().filter(|(number, ..)| *number >= 0.05);
    shown.map(|(number, digits, unit)| format!("{} {unit}", trimmed(*number, *digits))).collect::<Vec<_>>().join(" ")
}

/// `value` with at most `digits` decimals and no trailing zeros.
pub fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn s(seconds: u64) -> HumanDuration {
        HumanDuration(Duration::from_secs(seconds))
    }

    #[test]
    fn a_minute_never_has_sixty_seconds() {
        assert_eq!(show_duration(Duration::from_millis(119_970)), "2 min");
        assert_eq!(show_duration(Duration::from_millis(119_940)), "1 min 59.9 s");
    }

    #[test]
    fn an_hour_is_a_unit() {
        let shown = |seconds| show_duration(Duration::from_secs(seconds));
        assert_eq!([99 * 3600, 5400, 3605, 3600].map(shown), ["99 h", "1 h 30 min", "1 h 5 s", "1 h"]);
        assert_eq!(show_duration(Duration::from_millis(3_599_970)), "1 h");
    }

    #[test]
    fn what_is_no_duration_is_told_with_our_units_and_an_example() {
        let why = parse_duration("5 parsecs").unwrap_err();
        assert!(
            why.contains("its units are `us`, `ms`, `s`, `min`, `h` and `d`") && !why.contains("variations"),
            "{why}"
        );
        let why = toml::from_str::<std::collections::BTreeMap<String, HumanDuration>>("a = 5").unwrap_err();
        assert!(why.message().contains("expected a duration such as \"5 s\""), "{why}");
    }

    #[test]
    fn under_and_over_exclude_the_limit_and_the_others_include_it() {
        let at = |bound: Bound<u32>| [9, 10, 11].map(|value| bound.holds(value));
        assert_eq!(at(Bound::Under(10)), [true, false, false]);
        assert_eq!(at(Bound::AtMost(10)), [true, true, false]);
        assert_eq!(at(Bound::Over(10)), [false, false, true]);
        assert_eq!(at(Bound::AtLeast(10)), [false, true, true]);
        let between = [9, 10, 15, 20, 21].map(|value| Bound::Between(10, 20).holds(value));
        assert_eq!(between, [false, true, true, true, false]);
    }

    #[test]
    fn the_largest_value_of_a_bound_is_its_upper_end() {
        for bound in [Bound::Under(3), Bound::Over(3), Bound::AtLeast(3), Bound::AtMost(3), Bound::Between(1, 3)] {
            assert_eq!(bound.largest(), 3);
        }
    }

    #[test]
    fn a_bound_keeps_its_kind_in_another_unit() {
        let doubled = |bound: Bound<i32>| bound.map(|x| x * 2);
        assert_eq!(doubled(Bound::Under(3)), Bound::Under(6));
        assert_eq!(doubled(Bound::Over(3)), Bound::Over(6));
        assert_eq!(doubled(Bound::AtLeast(3)), Bound::AtLeast(6));
        assert_eq!(doubled(Bound::AtMost(3)), Bound::AtMost(6));
        assert_eq!(doubled(Bound::Between(1, 3)), Bound::Between(2, 6));
    }

    #[test]
    fn units_are_shown_as_people_write_them() {
        assert_eq!(Bound::Under(s(30)).to_string(), "< 30 s");
        assert_eq!(Bound::Over(s(480)).to_string(), "> 8 min");
        assert_eq!(Bound::AtLeast(Percent(99.9)).to_string(), "≥ 99.9 %");
        assert_eq!(Bound::AtMost(Percent(5.0)).to_string(), "≤ 5 %");
        assert_eq!(Bound::Between(s(1), s(2)).to_string(), "1 s to 2 s");
        assert_eq!(Rate(2000.0).to_string(), "2000/s");
        assert_eq!(Rate(0.5).to_string(), "0.5/s");
        assert_eq!(Quantile::At(0.99).to_string(), "p99");
        assert_eq!(Quantile::At(0.999).to_string(), "p99.9");
        assert_eq!(Quantile::Mean.to_string(), "mean");
        assert_eq!(Quantile::Maximum.to_string(), "maximum");
    }

    #[test]
    fn durations_are_shown_with_the_digits_that_matter() {
        let shown = |us| show_duration(Duration::from_micros(us));
        assert_eq!(shown(0), "0 ms");
        assert_eq!(shown(250), "250 µs");
        assert_eq!(shown(1_000), "1 ms");
        assert_eq!(shown(1_540), "1.5 ms");
        assert_eq!(shown(10_400), "10 ms");
        assert_eq!(shown(84_000), "84 ms");
        assert_eq!(shown(1_000_000), "1 s");
        assert_eq!(shown(1_034_000), "1.03 s");
        assert_eq!(shown(60_000_000), "1 min");
        assert_eq!(shown(60_040_000), "1 min");
        assert_eq!(shown(60_300_000), "1 min 0.3 s");
        assert_eq!(shown(210_000_000), "3 min 30 s");
        assert_eq!(shown(90_500_000), "1 min 30.5 s");
        assert_eq!(shown(7_200_000_000), "2 h");
    }

    #[test]
    fn what_files_say_is_shown_as_all_durations_are_unless_digits_would_be_lost() {
        let shown = ["1m", "50ms", "90s", "1234567us", "nginx", "20"].map(shown_alike);
        let expected = [Some("1 min"), Some("50 ms"), Some("1 min 30 s"), None, None, None];
        assert_eq!(shown, expected.map(|text| text.map(String::from)));
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        let read = |text| parse_duration(text).expect(text);
        assert_eq!(read("500 ms"), Duration::from_millis(500));
        assert_eq!(read("500ms"), Duration::from_millis(500));
        assert_eq!(read("8 min"), Duration::from_secs(480));
        assert_eq!(read("3 min 30 s"), Duration::from_secs(210));
        assert_eq!(read("2_000 ms"), Duration::from_secs(2));
        assert_eq!(
            parse_duration("9007199254740993s").expect_err("too long"),
            "`9007199254740993s` is more than a year"
        );
        let why = parse_duration("soon").expect_err("not a duration");
        assert!(why.starts_with("`soon` is not a duration (") && why.ends_with("`3 min 30 s`"), "{why}");
    }

    #[test]
    fn trailing_zeros_go_and_digits_that_count_stay() {
        assert_eq!(trimmed(1.50, 3), "1.5");
        assert_eq!(trimmed(100.0, 2), "100");
        assert_eq!(trimmed(100.0, 0), "100");
        assert_eq!(trimmed(0.125, 2), "0.12");
        assert_eq!(trimmed(99.9964, 3), "99.996");
    }

    proptest! {
        #[test]
        fn a_duration_survives_being_written_and_read(millis in 0u64..100_000_000) {
            let written = serde_json::to_string(&HumanDuration(Duration::from_millis(millis))).expect("text");
            let read: HumanDuration = serde_json::from_str(&written).expect("the same");
            prop_assert_eq!(read.0, Duration::from_millis(millis));
        }
    }
}
