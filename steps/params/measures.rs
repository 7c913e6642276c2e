//! Durations, percentages, rates, quantiles, and bounds on them.

use std::str::FromStr;
use std::time::Duration;

use cucumber::Parameter;

use super::ParamError;
use crate::units::{self, Bound, HumanDuration};

/// `500 ms`, `8 min`, `3 min 30 s`; more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "duration", regex = r"(?:\d[\d_.]* ?[a-zµ]+(?: \d[\d_.]* ?[a-zµ]+)*)")]
pub struct Span(pub Duration);

/// `under 500 ms`, `< 8 min`, `at least 3 s`, `between 1 s and 2 s`
#[derive(Debug, Clone, Copy, PartialEq, Parameter)]
#[param(
    name = "duration_bound",
    regex = r"(?:(?:under|over|at least|at most|<=|>=|<|>|≤|≥) ?\d[\d_.]* ?[a-zµ]+(?: \d[\d_.]* ?[a-zµ]+)*|between \d[\d_.]* ?[a-zµ]+(?: \d[\d_.]* ?[a-zµ]+)* and \d[\d_.]* ?[a-zµ]+(?: \d[\d_.]* ?[a-zµ]+)*)"
)]
pub struct DurationBound(pub units::DurationBound);

/// `99.9%`, `50 %`
#[derive(Debug, Clone, Copy, PartialEq, Parameter)]
#[param(name = "percent", regex = r"(?:\d[\d_.]* ?%)")]
pub struct Percent(pub units::Percent);

/// `at least 99.9%`, `between 40% and 60%`
#[derive(Debug, Clone, Copy, PartialEq, Parameter)]
#[param(
    name = "percent_bound",
    regex = r"(?:(?:under|over|at least|at most|<=|>=|<|>|≤|≥) ?\d[\d_.]* ?%|between \d[\d_.]* ?% and \d[\d_.]* ?%)"
)]
pub struct PercentBound(pub units::PercentBound);

/// `2_000 requests/s`
#[derive(Debug, Clone, Copy, PartialEq, Parameter)]
#[param(name = "rate", regex = r"(?:\d[\d_.]* (?:requests?|operations?)/[a-z]+)")]
pub struct Rate(pub units::Rate);

/// `1 Mbit/s`, `500 kbit/s`, `1.5 Gbit/s`: bits a second, with decimal prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "bandwidth", regex = r"(?:\d[\d_.]* ?[A-Za-z]+/[a-z]+)")]
pub struct Bandwidth(pub u64);

/// `p99`, `p99.9`, `median`, `mean`, `maximum`
#[derive(Debug, Clone, Copy, PartialEq, Parameter)]
#[param(name = "quantile", regex = r"(?:p\d[\d.]*|median|mean|maximum)")]
pub struct Quantile(pub units::Quantile);

impl FromStr for Span {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let span = units::parse_duration(text).map_err(ParamError)?;
        if span.is_zero() {
            return Err(ParamError(format!("`{text}` is no time; say more than zero")));
        }
        Ok(Span(span))
    }
}

impl FromStr for DurationBound {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        bound(text, |limit| units::parse_duration(limit).map(HumanDuration).map_err(ParamError)).map(DurationBound)
    }
}

impl FromStr for Percent {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        percent(text).map(Percent)
    }
}

fn percent(text: &str) -> Result<units::Percent, ParamError> {
    let number = text.trim_end_matches('%').trim_end().replace('_', "").parse::<f64>();
    match number {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(units::Percent(value)),
        _ => Err(ParamError(format!("`{text}` is not a percentage; write for example `99.9%`, from 0% to 100%"))),
    }
}

impl FromStr for PercentBound {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        bound(text, percent).map(PercentBound)
    }
}

fn bound<T: Copy + PartialOrd>(
    text: &str,
    limit: impl Fn(&str) -> Result<T, ParamError>,
) -> Result<Bound<T>, ParamError> {
    if let Some((low, high)) = text.strip_prefix("between ").and_then(|both| both.split_once(" and ")) {
        let (low, high) = (limit(low)?, limit(high)?);
        let ordered = low <= high;
        return if ordered {
            Ok(Bound::Between(low, high))
        } else {
            Err(ParamError(format!("`{text}` is empty: the first limit is above the second")))
        };
    }
    let words = ["under", "<=", "<", "over", ">=", ">", "≤", "≥", "at least", "at most"];
    let found = words.iter().find_map(|word| Some((*word, text.strip_prefix(word)?)));
    let (word, rest) = found.ok_or_else(|| ParamError(format!("`{text}` is not a bound; write `under`, `over`, …")))?;
    let form = match word {
        "under" | "<" => Bound::Under,
        "over" | ">" => Bound::Over,
        "at least" | ">=" | "≥" => Bound::AtLeast,
        _ => Bound::AtMost,
    };
    limit(rest.trim_start()).map(form)
}

impl FromStr for Rate {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let number = text.strip_suffix("/s").and_then(|text| text.split_once(' '));
        let number = number.filter(|(_, of)| matches!(*of, "request" | "requests" | "operation" | "operations"));
        let number = number.map(|(number, _)| number);
        let rate = number.and_then(|number| number.replace('_', "").parse::<f64>().ok()).filter(|rate| *rate > 0.0);
        let refused = || ParamError(format!("`{text}` is not a rate; write for example `500 requests/s`"));
        rate.map(|rate| Rate(units::Rate(rate))).ok_or_else(refused)
    }
}

impl FromStr for Bandwidth {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let refused = || ParamError(format!("`{text}` is not a bandwidth; write for example `1 Mbit/s`"));
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(refused)?;
        let (number, unit) = text.split_at(unit_at);
        let factor = match unit {
            "bit/s" => 1.0,
            "kbit/s" => 1e3,
            "Mbit/s" => 1e6,
            "Gbit/s" => 1e9,
            _ => return Err(refused()),
        };
        let number: f64 = number.trim_end().replace('_', "").parse().map_err(|_| refused())?;
        Ok(Bandwidth((number * factor).round() as u64))
    }
}

impl FromStr for Quantile {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let quantile = match text {
            "median" => Some(units::Quantile::At(0.5)),
            "mean" => Some(units::Quantile::Mean),
            "maximum" => Some(units::Quantile::Maximum),
            _ => share(text).map(units::Quantile::At),
        };
        let refused = || ParamError(format!("`{text}` is not a quantile; write `p99`, `p99.9`, `median`, …"));
        quantile.map(Quantile).ok_or_else(refused)
    }
}

/// The share of `p99.9`: 0.999; exclusive of 0 and 1, where a quantile says nothing.
fn share(text: &str) -> Option<f64> {
    let percent = text.strip_prefix('p')?.parse::<f64>().ok()?;
    // Rounded to 1e-9, or 99.9 / 100 would not be the number that is written 0.999.
    (0.0 < percent && percent < 100.0).then(|| (percent * 1e7).round() / 1e9)
}
