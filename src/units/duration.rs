//! Serde for plain [`Duration`] fields, as text: `#[serde(with = "crate::units::duration")]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::HumanDuration;

/// Writes `5s`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    HumanDuration(*duration).serialize(serializer)
}

/// Reads `5 s`.
///
/// # Errors
/// When the text is not a duration.
pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    HumanDuration::deserialize(deserializer).map(|human| human.0)
}

/// The same where it must be more than nothing.
pub mod positive {
    pub use super::serialize;
    use super::{Deserialize, Duration, HumanDuration};

    /// Reads `5 s`.
    ///
    /// # Errors
    /// When the text is not a duration, or none at all.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let human = HumanDuration::deserialize(deserializer)?;
        let nothing = || serde::de::Error::custom("no time at all; expected more, for example \"1s\"");
        if human.0.is_zero() { Err(nothing()) } else { Ok(human.0) }
    }
}

/// The same where there may be none.
pub mod optional {
    use super::{Deserialize, Duration, HumanDuration, Serialize};

    /// Writes `5s`, or nothing.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(HumanDuration).serialize(serializer)
    }

    /// Reads `5 s`, or nothing.
    ///
    /// # Errors
    /// When the text is not a duration.
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<HumanDuration>::deserialize(deserializer)?.map(|human| human.0))
    }
}
