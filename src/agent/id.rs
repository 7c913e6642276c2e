//! What names a strike, on every path of ours, in every rule and on every command line.

use serde::{Deserialize, Serialize};

/// Names one hit on one server, everywhere: in the journal, in the victim's state folder, in the comment of each rule.
/// Matches `[a-z0-9][a-z0-9.-]{0,63}`, so that it is neither a path nor an option wherever it is put; an agent refuses
/// any other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StrikeId(pub String);

/// What was given is no strike's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the id of a strike: expected a lower-case letter or a digit, then up to 63 of these, dots and dashes"
)]
pub struct BadId(String);

/// The most letters of an id.
const LONGEST: usize = 64;

impl StrikeId {
    /// Reads an id.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<StrikeId, BadId> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let inner = |byte: u8| plain(byte) || byte == b'.' || byte == b'-';
        let fits = text.len() <= LONGEST && text.bytes().next().is_some_and(plain) && text.bytes().all(inner);
        if fits { Ok(StrikeId(text.into())) } else { Err(BadId(text.into())) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_the_pattern_allows_is_an_id(text in "[a-z0-9][a-z0-9.-]{0,63}") {
            prop_assert_eq!(StrikeId::parse(&text), Ok(StrikeId(text)));
        }

        #[test]
        fn an_id_is_one_plain_component_of_a_path_and_no_option(text in "[a-c./ \n$;'\"0-]{0,6}|.{0,8}") {
            if let Ok(StrikeId(id)) = StrikeId::parse(&text) {
                let components: Vec<_> = Path::new(&id).components().collect();
                prop_assert_eq!(components, [Component::Normal(id.as_ref())]);
                prop_assert!(!id.starts_with('-') && !id.contains(|c: char| c.is_whitespace() || "'\"$;`\\".contains(c)));
            }
        }
    }

    #[test]
    fn what_could_be_a_path_an_option_or_too_long_is_refused() {
        for bad in ["", ".", "..", "../a", "a/b", "-a", "--flush", "A", "a b", "a\n", "ä", "a\0", &"a".repeat(65)] {
            assert_eq!(StrikeId::parse(bad), Err(BadId(bad.into())));
        }
    }
}
