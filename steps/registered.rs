//! Steps that are made from the phrases of what other crates register: faults become Whens, and Thens become Thens.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::OnceLock;

use cucumber::codegen::{Expression, LocalBoxFuture, Regex, inventory};
use cucumber::step::{Context, Location};
use futures::FutureExt as _;
use regex::Captures;

use super::params::{Moments, Target};
use crate::checker::registered::{self as thens, Then};
use crate::declare::{MadeStep, MadeSteps, ParameterType, StepError, Strike, World};
use crate::fault::{self, FAULTS, Fault};
use crate::plan::{Expectation, Parameters, Schedule};

cucumber::codegen::submit! { MadeSteps(made) }

/// The parameters that cucumber itself knows.
const BUILT_IN: [&str; 4] = ["int", "float", "string", "word"];

/// A phrase, and what it is for.
struct Phrase {
    means: Means,
    text: &'static str,
    regex: Regex,
    /// The names of its parameters, in their order.
    parameters: Vec<&'static str>,
    place: (&'static str, u32),
}

#[derive(Clone, Copy)]
enum Means {
    Fault(&'static dyn Fault),
    Then(&'static dyn Then),
}

type Wrong = (Location, String);

/// All phrases, and what is wrong with some.
fn phrases() -> &'static (Vec<Phrase>, Vec<Wrong>) {
    static ALL: OnceLock<(Vec<Phrase>, Vec<Wrong>)> = OnceLock::new();
    ALL.get_or_init(|| {
        let (mut good, mut wrong) = (Vec::new(), Vec::new());
        let mut names: Vec<&str> = FAULTS.iter().map(|fault| fault.name()).collect();
        let faults = fault::registered().into_iter().map(|one| (Means::Fault(one.fault), one.place));
        let thens = thens::registered().into_iter().map(|one| (Means::Then(one.then), one.place));
        for (means, place) in faults.chain(thens) {
            let (kind, name, texts) = match means {
                Means::Fault(fault) => ("fault", fault.name(), fault.phrases()),
                Means::Then(then) => ("Then", then.name(), then.phrases()),
            };
            if names.contains(&name) {
                wrong.push((
                    location(place),
                    format!("there is a fault or a Then `{name}` already\n  help: give this {kind} another name"),
                ));
                continue;
            }
            names.push(name);
            for &text in texts {
                match phrase(means, text, place) {
                    Ok(phrase) => good.push(phrase),
                    Err(why) => {
                        wrong.push((location(place), format!("`{text}`, a phrase of the {kind} `{name}`, {why}")))
                    }
                }
            }
        }
        (good, wrong)
    })
}

fn location((path, line): (&'static str, u32)) -> Location {
    Location { path, line, column: 1 }
}

/// # Errors
/// What is wrong with it, after its text, and what to do.
fn phrase(means: Means, text: &'static str, place: (&'static str, u32)) -> Result<Phrase, String> {
    let kinds: HashMap<&str, &str> =
        inventory::iter::<ParameterType>.into_iter().map(|kind| (kind.name, kind.regex)).collect();
    let named = regex::Regex::new(r"\{([^{}]*)\}").expect("a constant");
    let parameters: Vec<&str> =
        named.captures_iter(text).map(|found| found.get(1).map_or("", |name| name.as_str())).collect();
    if let Some(name) = parameters.iter().find(|name| !kinds.contains_key(**name) && !BUILT_IN.contains(*name)) {
        return Err(format!(
            "has a parameter `{name}` that is not known\n  help: those of the step language are {}",
            known()
        ));
    }
    if matches!(means, Means::Fault(_)) && !parameters.contains(&"target") {
        return Err("does not say which servers are struck\n  help: put `{target}` where they stand".into());
    }
    let regex = Expression::regex_with_parameters(text, &kinds).map_err(|why| {
        format!("is no cucumber expression: {why}\n  help: write for example `{{target}} is locked{{schedule}}`")
    })?;
    Ok(Phrase { means, text, regex, parameters, place })
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

fn known() -> String {
    let registered = inventory::iter::<ParameterType>.into_iter().map(|kind| kind.name);
    let mut names: Vec<&str> = registered.chain(BUILT_IN).collect();
    names.sort_unstable();
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn made() -> (Vec<MadeStep>, Vec<Wrong>) {
    let (good, wrong) = phrases();
    let step = |phrase: &Phrase| {
        let (keyword, step): (_, cucumber::Step<World>) = match phrase.means {
            Means::Fault(_) => ("When", said),
            Means::Then(_) => ("Then", said),
        };
        MadeStep { keyword, text: phrase.text, regex: phrase.regex.clone(), location: location(phrase.place), step }
    };
    (good.iter().map(step).collect(), wrong.clone())
}

/// The function of all of them. Cucumber's macros tell by a panic what a step refuses, too.
fn said(world: &mut World, context: Context) -> LocalBoxFuture<'_, ()> {
    async move {
        if let Err(why) = declare(world, &context.step.value) {
            std::panic::panic_any(why.to_string());
        }
    }
    .boxed_local()
}

fn declare(world: &mut World, text: &str) -> Result<(), StepError> {
    let (phrase, found) = phrases()
        .0
        .iter()
        .find_map(|phrase| Some((phrase, phrase.regex.captures(text)?)))
        .expect("cucumber matched one of them");
    let (mut target, mut moments, mut more) = (None, Schedule::Once, Vec::new());
    for (name, value) in phrase.parameters.iter().zip(values(&phrase.regex, &found)) {
        match (*name, phrase.means) {
            ("target", Means::Fault(_)) if target.is_none() => target = Some(parsed::<Target>(value)?.0),
            ("schedule", Means::Fault(_)) => moments = parsed::<Moments>(value)?.0,
            _ => more.push(value.to_string()),
        }
    }
    match (phrase.means, target) {
        (Means::Fault(fault), Some(target)) => {
            let with = Parameters { said: more, ..Parameters::default() };
            world.declaration.strike(Strike { with, ..Strike::of(fault.name(), target) }, moments)
        }
        (Means::Then(then), _) => {
            then.accept(&more).map_err(|(detail, hint)| StepError::refused(detail, hint))?;
            world.declaration.expect(Expectation::Registered { name: then.name().into(), said: more })
        }
        (Means::Fault(_), None) => unreachable!("a fault's phrase has a target"),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StepError> {
    text.parse().map_err(|why: T::Err| StepError::Malformed(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FaultTarget, ServerStrike};

    struct Locked;

    impl Fault for Locked {
        fn name(&self) -> &'static str {
            "locked"
        }

        fn strike(&self, victim: &FaultTarget<'_>, _: &Parameters) -> ServerStrike {
            fault::named("hangs").expect("it is shipped").strike(victim, &Parameters::default())
        }
    }

    fn of(text: &'static str) -> Result<Phrase, String> {
        phrase(Means::Fault(&Locked), text, ("here.rs", 1))
    }

    #[test]
    fn a_phrase_matches_what_the_step_language_would() {
        let phrase = of("the lock(s) of {target} is/are held by {string} {int} time(s){schedule}").unwrap();
        let text = "the lock of a random webserver in zone \"a\" is held by \"me \\\"and\\\" you\" 2 times for 5 s";
        let found = phrase.regex.captures(text).unwrap();
        let values = values(&phrase.regex, &found);
        assert_eq!(values, ["a random webserver in zone \"a\"", "me \\\"and\\\" you", "2", " for 5 s"]);
        assert_eq!(phrase.parameters, ["target", "string", "int", "schedule"]);
        assert!(!phrase.regex.is_match("the lock of a random webserver is held"));
    }

    #[test]
    fn what_is_wrong_with_a_phrase_is_said() {
        let why = |text| of(text).err().unwrap();
        assert!(why("{target} is locked by {thief}").starts_with(
            "has a parameter `thief` that is not known\n  help: those of the step language are `agent`, "
        ));
        assert!(
            why("everything is locked").starts_with("does not say which servers are struck\n  help: put `{target}`")
        );
        assert!(why("{target} is (locked").starts_with("is no cucumber expression: "));
    }
}
