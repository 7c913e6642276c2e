//! Whether the environment can be asked for a plan at all, and the settings say what it needs for that.

use std::path::Path;

use super::error::{Problem, ProblemKind};
use crate::environment::{self, On, Refusal, WrongSetting};
use crate::plan::Plan;
use crate::settings::lines::line_of;
use crate::text;

/// What the environment of a plan can't be asked for, and what its settings lack or can't mean; at its line in the file of settings, where
/// there is one.
pub(super) fn wrong(on: &On, plan: &Plan, config: Option<&Path>) -> Vec<Problem> {
    let text = config.and_then(|file| text::read(file).ok()).unwrap_or_default();
    let setting = |path: &[&str], kind, detail| {
        let line = line_of(&text, path);
        Problem { file: config.map(Into::into), line, column: None, kind, detail, used_at: Vec::new() }
    };
    let refused = |Refusal { feature, line, setting: of, detail }| match of {
        Some(path) if config.is_some() => setting(&path, ProblemKind::Environment, detail),
        _ => Problem::at(&feature, line, ProblemKind::Environment, detail),
    };
    let refused = environment::refusals(on.kind, plan).into_iter().map(refused);
    let wrong = environment::wrong_settings(on.kind, plan).into_iter().map(|WrongSetting { path, detail }| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        setting(&path, ProblemKind::Access, detail)
    });
    refused.chain(wrong).collect()
}
