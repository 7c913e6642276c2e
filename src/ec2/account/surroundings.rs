//! Where an account is described: environment variables, and the user's folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::given::Given;

/// The environment variables and the user's folder.
pub struct Surroundings {
    /// All variables whose names begin with `AWS_`.
    pub variables: BTreeMap<String, String>,
    /// The user's folder, with `.aws` in it.
    pub home: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn here() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Surroundings {
            variables: variables.filter(|(name, _)| name.starts_with("AWS_")).collect(),
            home: std::env::home_dir().unwrap_or_default(),
        }
    }

    /// The first of these variables that is set and not empty.
    pub(super) fn first(&self, names: &[&str]) -> Option<Given> {
        names.iter().find_map(|name| {
            let value = self.variables.get(*name).filter(|value| !value.is_empty())?;
            Some(Given::of_variable(value, name))
        })
    }

    /// A path as a shell would read it where it begins with `~/`.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        text.strip_prefix("~/").map_or_else(|| Path::new(text).into(), |below| self.home.join(below))
    }
}
