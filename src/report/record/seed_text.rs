//! A seed in JSON: text, since JavaScript and jq keep no whole number above 2⁵³.

use serde::{Deserialize, Deserializer, Serializer, de};

pub fn serialize<S: Serializer>(seed: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(seed)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| de::Error::custom(format!("`{text}` is not a seed: expected a whole number of 64 bits")))
}
