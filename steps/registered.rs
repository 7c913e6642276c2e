//! Thens that are made from the phrases of those that other crates register.

use std::sync::OnceLock;

use cucumber::codegen::LocalBoxFuture;
use cucumber::step::Context;

use super::names::{self, Wrong};
use super::phrase::{Phrase, declared};
use crate::checker::registered::{self as thens, Then};
use crate::declare::{Made, MadeSteps, StepError, World};
use crate::plan::Expectation;

cucumber::codegen::submit! { MadeSteps(made) }

/// All phrases, each with its Then, and what is wrong with others.
type Phrases = (Vec<(&'static dyn Then, Phrase)>, Vec<Wrong>);

fn phrases() -> &'static Phrases {
    static ALL: OnceLock<Phrases> = OnceLock::new();
    ALL.get_or_init(|| {
        let (mut good, mut wrong) = (Vec::new(), names::taken());
        for one in thens::registered().into_iter().filter(|one| names::is_free(one.then.name(), one.place)) {
            let (name, location) = (one.then.name(), names::location(one.place));
            for &text in one.then.phrases() {
                match Phrase::of(text, location, None) {
                    Ok(phrase) => good.push((one.then, phrase)),
                    Err(why) => wrong.push((location, format!("`{text}`, a phrase of the Then `{name}`, {why}"))),
                }
            }
        }
        (good, wrong)
    })
}

fn made() -> Made {
    let (good, wrong) = phrases();
    let steps = good.iter().map(|(_, phrase)| phrase.step("Then", expects)).collect();
    Made { steps, parameters: Vec::new(), wrong: wrong.clone() }
}

fn expects(world: &mut World, context: Context) -> LocalBoxFuture<'_, ()> {
    declared(world, context, |world, text| {
        let found = phrases().0.iter().find_map(|(then, phrase)| Some((then, phrase.read(text)?)));
        let (then, said) = found.expect("cucumber matched one of them");
        let said: Vec<String> = said.into_iter().map(|(_, value)| value.into()).collect();
        then.accept(&said).map_err(|(detail, hint)| StepError::refused(detail, hint))?;
        world.declaration.expect(Expectation::Registered { name: then.name().into(), said })
    })
}
