//! A seed in JSON: text, since JavaScript and jq keep no whole number above 2⁵³. Older plans have a number, which is still read.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

pub fn serialize<S: Serializer>(seed: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(seed)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Seed)
}

struct Seed;

impl Visitor<'_> for Seed {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a seed: a whole number of 64 bits, as text")
    }

    fn visit_u64<E: Error>(self, seed: u64) -> Result<u64, E> {
        Ok(seed)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Seeded {
        #[serde(with = "super")]
        seed: u64,
    }

    #[test]
    fn every_digit_survives_and_a_number_of_an_older_plan_is_read() {
        let largest = Seeded { seed: u64::MAX };
        let text = serde_json::to_string(&largest).unwrap();
        assert_eq!(text, r#"{"seed":"18446744073709551615"}"#);
        assert_eq!(serde_json::from_str::<Seeded>(&text).unwrap(), largest);
        assert_eq!(serde_json::from_str::<Seeded>(r#"{"seed":18446744073709551615}"#).unwrap(), largest);
        for wrong in [r#"{"seed":-1}"#, r#"{"seed":"7 "}"#, r#"{"seed":7.5}"#] {
            let why = serde_json::from_str::<Seeded>(wrong).unwrap_err().to_string();
            assert!(why.contains("expected a seed: a whole number of 64 bits"), "{why}");
        }
    }
}
