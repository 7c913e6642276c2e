//! The times, rates and counts of records, as they are read: a file that was damaged may hold numbers that no run can have
//! recorded, and sums of them would leave the range of numbers.

use serde::{Deserialize, Deserializer, de::Error};

use crate::clock::micros;
use crate::units::LONGEST;

/// The latest moment of a run, in microseconds on its clock: none lasts longer than [`LONGEST`].
pub(super) fn latest_us() -> u64 {
    micros(LONGEST)
}

/// Reads microseconds.
///
/// # Errors
/// When they are more than a year.
pub(super) fn us<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let us = u64::deserialize(deserializer)?;
    if us <= latest_us() { Ok(us) } else { Err(D::Error::custom(format!("{us} µs is more than a year"))) }
}

/// Reads microseconds that may be missing.
///
/// # Errors
/// As [`us()`].
pub(super) fn optional_us<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    struct Us(#[serde(deserialize_with = "us")] u64);
    Ok(Option::<Us>::deserialize(deserializer)?.map(|us| us.0))
}

/// Reads milliseconds.
///
/// # Errors
/// When they are negative, more than a year, or no number.
pub(super) fn ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let ms = f64::deserialize(deserializer)?;
    let most = LONGEST.as_secs_f64() * 1000.0;
    if (0.0..=most).contains(&ms) { Ok(ms) } else { Err(D::Error::custom(format!("{ms} ms is not within a year"))) }
}

/// Reads a count.
///
/// # Errors
/// When it is 2³² or more: nothing that is counted in a run is as many.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let count = u64::deserialize(deserializer)?;
    if count <= u32::MAX.into() { Ok(count) } else { Err(D::Error::custom(format!("{count} is not a count"))) }
}

/// Reads a rate in requests a second.
///
/// # Errors
/// When it is not positive, or so low that a request would come less than once a year.
pub(super) fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    let least = LONGEST.as_secs_f64().recip();
    if rate.is_finite() && rate >= least { Ok(rate) } else { Err(D::Error::custom(format!("{rate} is not a rate"))) }
}

#[cfg(test)]
mod tests {
    use crate::history::{HistoryError, read_events};

    fn refused(line: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let first = r#"{"at_us":0,"scenario":0,"event":"scenario_started","attempt":1}"#;
        std::fs::write(&path, format!("{first}\n{line}\n")).unwrap();
        match read_events(&path) {
            Err(HistoryError::Malformed { line: 2, detail, .. }) => detail,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_record_that_no_run_can_have_made_is_refused_with_its_line() {
        const MOST: u64 = u64::MAX;
        let far = [
            format!(r#"{{"at_us":{MOST},"scenario":0,"event":"recovered"}}"#),
            format!(r#"{{"at_us":1,"resolution_us":{MOST},"scenario":0,"event":"recovered"}}"#),
            format!(r#"{{"at_us":1,"scenario":0,"event":"baseline_steady","from_us":{MOST}}}"#),
            format!(
                r#"{{"at_us":1,"scenario":0,"event":"fault_confirmed","strike":0,"target":"a","onset":{{"not_before_us":0,"by_us":{MOST}}},"evidence":""}}"#
            ),
            format!(r#"{{"at_us":1,"scenario":0,"event":"probing_started","rate":1.0,"deadline_ms":{MOST}}}"#),
            r#"{"at_us":1,"scenario":0,"event":"probing_started","rate":1e-300,"deadline_ms":1.0}"#.into(),
            r#"{"at_us":1,"scenario":0,"event":"probing_started","rate":-1.0,"deadline_ms":1.0}"#.into(),
            format!(r#"{{"at_us":1,"scenario":0,"event":"balancer_sessions","balancer":"lb-1","current":{MOST}}}"#),
            format!(r#"{{"at_us":1,"scenario":0,"event":"recorder_dropped","events":{MOST}}}"#),
            r#"{"at_us":1,"scenario":0,"event":"site_ready","took_ms":-1.0}"#.into(),
        ];
        for line in far {
            let told = refused(&line);
            let said = ["a year", "not a rate", "not a count"].iter().any(|why| told.contains(why));
            assert!(said, "{line}: {told}");
        }
    }
}
