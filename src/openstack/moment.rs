//! Moments as OpenStack writes them: in UTC, with a `Z` or without.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};

/// Reads `2026-11-29T01:10:18Z` or `2026-11-29T01:10:18.000000`.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let in_utc = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse().ok().or_else(in_utc)
}

/// For fields; one that can't be read is as good as none.
///
/// # Errors
/// The field is there, and no text.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| parse(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_a_zone_is_in_utc() {
        let moment = parse("2026-11-29T01:10:18Z");
        assert!(moment.is_some());
        assert_eq!(parse("2026-11-29T01:10:18.000000"), moment);
        assert_eq!(parse("yesterday"), None);
    }
}
