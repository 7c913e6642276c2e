//! A value, and where it was read.

use std::path::Path;

use crate::document::DocumentError;
use crate::provider::secret::Secret;

/// How the place of what a variable has begins.
const VARIABLE: &str = "the variable `";

/// A value with its place. It may be a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    value: Secret,
    /// Where it was read, such as `/home/x/.aws/config:3` or "the variable `AWS_REGION`".
    pub place: String,
}

impl Given {
    /// A value that was read there.
    pub(in crate::ec2) fn new(value: &str, place: impl Into<String>) -> Self {
        Given { value: Secret::new(value.into()), place: place.into() }
    }

    /// What this variable has.
    pub(super) fn of_variable(value: &str, name: &str) -> Self {
        Given::new(value, format!("{VARIABLE}{name}`"))
    }

    /// One in a line of a file.
    pub(super) fn at(value: &str, path: &Path, line: usize) -> Self {
        Given::new(value, format!("{}:{line}", path.display()))
    }

    /// The value. What is a secret stays one as long as [`Self::secret`] is used.
    pub(in crate::ec2) fn text(&self) -> &str {
        self.value.reveal()
    }

    /// Whether a variable has it.
    pub(in crate::ec2) fn is_of_variable(&self) -> bool {
        self.place.starts_with(VARIABLE)
    }

    /// The value as a secret.
    pub(in crate::ec2) fn secret(&self) -> Secret {
        self.value.clone()
    }

    /// An error about it, which does not show it.
    pub(in crate::ec2) fn error(&self, detail: &str, hint: impl Into<String>) -> DocumentError {
        DocumentError::new(format!("{}: {detail}", self.place)).with_hint(hint)
    }
}
