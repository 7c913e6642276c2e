//! Values as texts: a number, and what makes it as long as is asked for.

/// How values are written, and read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values {
    /// The length of a value's text, in bytes.
    pub size: usize,
}

impl Values {
    /// The text of a value.
    pub fn text(self, value: u32) -> String {
        let number = value.to_string();
        let missing = self.size.saturating_sub(number.len());
        if missing == 0 { number } else { number + &"-".repeat(missing) }
    }

    /// The value of a text; `None` for any other text than one of ours.
    pub fn value(self, text: &str) -> Option<u32> {
        let value = text.trim_end_matches('-').parse().ok()?;
        (self.text(value) == text).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_back_and_nothing_else_is_one() {
        for size in [0, 1, 5, 400] {
            let values = Values { size };
            for value in [0, 7, 123_456] {
                assert_eq!(values.value(&values.text(value)), Some(value), "{size}");
            }
            assert_eq!(values.text(7).len(), size.max(1));
            for other in ["", "-", "+7", "07", "7 ", "seven", "4294967296"] {
                assert_eq!(values.value(other), None, "{other}");
            }
        }
        assert_eq!(Values { size: 5 }.value("7"), None, "it was cut off");
    }
}
