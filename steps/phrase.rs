//! Phrases: cucumber expressions that faults and Thens say of themselves, and that steps are made from.

use std::collections::HashMap;
use std::str::FromStr;

use cucumber::codegen::{Expression, LocalBoxFuture, Regex, inventory};
use cucumber::step::{Context, Location};
use futures::FutureExt as _;
use regex::Captures;

use crate::declare::{MadeStep, ParameterType, StepError, World};

/// The parameters that cucumber itself knows.
const BUILT_IN: [&str; 4] = ["int", "float", "string", "word"];

/// What a step may say.
pub(super) struct Phrase {
    pub text: &'static str,
    pub location: Location,
    regex: Regex,
    /// The kinds of its parameters, in their order.
    kinds: Vec<&'static str>,
}

impl Phrase {
    /// Reads one; `more` is a kind of parameter beside those of the step language.
    ///
    /// # Errors
    /// What is wrong with it, after its text, and what to do.
    pub fn of(text: &'static str, location: Location, more: Option<ParameterType>) -> Result<Phrase, String> {
        let known: HashMap<&str, &str> = inventory::iter::<ParameterType>
            .into_iter()
            .copied()
            .chain(more)
            .map(|kind| (kind.name, kind.regex))
            .collect();
        let named = regex::Regex::new(r"\{([^{}]*)\}").expect("a constant");
        let kinds: Vec<&str> =
            named.captures_iter(text).map(|found| found.get(1).map_or("", |name| name.as_str())).collect();
        if let Some(name) = kinds.iter().find(|name| !known.contains_key(**name) && !BUILT_IN.contains(*name)) {
            let names = names();
            return Err(format!(
                "has a parameter `{name}` that is not known\n  help: those of the step language are {names}"
            ));
        }
        let regex = Expression::regex_with_parameters(text, &known).map_err(|why| {
            format!("is no cucumber expression: {why}\n  help: write for example `{{target}} is locked{{schedule}}`")
        })?;
        Ok(Phrase { text, location, regex, kinds })
    }

    /// Whether it has a parameter of this kind.
    pub fn has(&self, kind: &str) -> bool {
        self.kinds.contains(&kind)
    }

    /// What a text says by it: the kind and the text of each parameter, in their order. `None` if it is another's.
    pub fn read<'t>(&self, text: &'t str) -> Option<Vec<(&'static str, &'t str)>> {
        let found = self.regex.captures(text)?;
        Some(self.kinds.iter().copied().zip(values(&self.regex, &found)).collect())
    }

    /// The step that it makes.
    pub fn step(&self, keyword: &'static str, step: cucumber::Step<World>) -> MadeStep {
        MadeStep { keyword, text: self.text, regex: self.regex.clone(), location: self.location, step }
    }
}

/// The texts of a phrase's parameters, in their order. Cucumber names the groups within one after its place: `__0_1`.
fn values<'t>(regex: &Regex, found: &Captures<'t>) -> Vec<&'t str> {
    let mut values: Vec<&str> = Vec::new();
    for (group, name) in regex.capture_names().enumerate().skip(1) {
        let value = found.get(group).map_or("", |found| found.as_str());
        let place = name.and_then(|name| name.trim_start_matches("__").split('_').next()?.parse::<usize>().ok());
        match place {
            None => values.push(value),
            Some(place) => {
                values.resize(values.len().max(place + 1), "");
                if values[place].is_empty() {
                    values[place] = value;
                }
            }
        }
    }
    values
}

/// The kinds of parameters that a phrase may have.
fn names() -> String {
    let registered = inventory::iter::<ParameterType>.into_iter().map(|kind| kind.name);
    let mut names: Vec<&str> = registered.chain(BUILT_IN).collect();
    names.sort_unstable();
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Lets a text declare. Cucumber's macros tell by a panic what a step refuses, too.
pub(super) fn declared(
    world: &mut World,
    context: Context,
    declare: fn(&mut World, &str) -> Result<(), StepError>,
) -> LocalBoxFuture<'_, ()> {
    async move {
        if let Err(why) = declare(world, &context.step.value) {
            std::panic::panic_any(why.to_string());
        }
    }
    .boxed_local()
}

/// A parameter's value.
///
/// # Errors
/// That it is none.
pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StepError> {
    text.parse().map_err(|why: T::Err| StepError::Malformed(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &'static str) -> Result<Phrase, String> {
        Phrase::of(text, Location { path: "here.rs", line: 1, column: 1 }, None)
    }

    #[test]
    fn a_phrase_matches_what_the_step_language_would() {
        let phrase = of("the lock(s) of {target} is/are held by {string} {int} time(s){schedule}").unwrap();
        let text = "the lock of a random webserver in zone \"a\" is held by \"me \\\"and\\\" you\" 2 times for 5 s";
        let read = [
            ("target", "a random webserver in zone \"a\""),
            ("string", "me \\\"and\\\" you"),
            ("int", "2"),
            ("schedule", " for 5 s"),
        ];
        assert_eq!(phrase.read(text), Some(read.into()));
        assert_eq!(phrase.read("the lock of a random webserver is held"), None);
    }

    #[test]
    fn what_is_wrong_with_a_phrase_is_said() {
        let why = |text| of(text).err().unwrap();
        assert!(why("{target} is locked by {thief}").starts_with(
            "has a parameter `thief` that is not known\n  help: those of the step language are `agent`, "
        ));
        assert!(why("{target} is (locked").starts_with("is no cucumber expression: "));
    }
}
