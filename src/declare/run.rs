//! Lets a scenario's steps speak, one after the other.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use cucumber::gherkin::StepType;
use futures::FutureExt as _;
use futures::executor::block_on;

use super::error::{Problem, ProblemKind};
use super::gherkin::PickleStep;
use super::listing::{Listed, step_text};
use super::vocabulary::{NotFound, Vocabulary};
use super::world::{Declaration, World};
use crate::settings::Settings;

/// Which of a scenario's steps were all understood. What depends on others is not judged: it may be wrong only because they
/// are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Understood {
    pub givens: bool,
    pub whens: bool,
    pub thens: bool,
}

/// What the scenario's steps declare, as far as they are understood, and what is wrong with the others: all steps that are
/// undefined or ambiguous, and all that can't be declared. Of the Givens about servers, those after the first of these are not
/// looked at.
pub(super) fn declare(
    listed: &Listed<'_>,
    vocabulary: &Vocabulary,
    settings: &Settings,
) -> (Declaration, Understood, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut understood = Understood { givens: true, whens: true, thens: true };
    let mut world = World::default();
    world.declaration = Declaration::new(&listed.file.path, settings);
    let quiet = QuietPanics::on_this_thread();
    for step in listed.steps {
        let Err((kind, why)) = speak(step, vocabulary, &mut world) else { continue };
        let rows = std::mem::take(&mut world.declaration.wrong_rows);
        let wrong = if rows.is_empty() { vec![(step.step.position.line, why)] } else { rows };
        problems.extend(wrong.into_iter().map(|(line, why)| Problem::at(&listed.file.path, line, kind, why)));
        match step.kind.unwrap_or(step.step.ty) {
            StepType::Given => understood.givens = false,
            StepType::When => understood.whens = false,
            StepType::Then => understood.thens = false,
        }
        world.declaration.misses(step.kind.unwrap_or(step.step.ty));
    }
    drop(quiet);
    (world.declaration, understood, problems)
}

/// Lets one step speak.
fn speak(step: &PickleStep, vocabulary: &Vocabulary, world: &mut World) -> Result<(), (ProblemKind, String)> {
    let PickleStep { step, kind, rows, .. } = step;
    let (function, context) = vocabulary.find(step, *kind).map_err(|why| match why {
        NotFound::Undefined(why) => (ProblemKind::Undefined, why),
        NotFound::Ambiguous(why) => (ProblemKind::Ambiguous, why),
    })?;
    world.declaration.step = step_text(step);
    world.declaration.rows.clone_from(rows);
    let spoken = block_on(AssertUnwindSafe(function(world, context)).catch_unwind());
    spoken.map_err(|panic| (ProblemKind::Step, said(panic.as_ref())))
}

/// A step that fails panics: so cucumber's macros report an `Err`, and a parameter that does not parse.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the step panicked");
    // "bound can not be parsed to DurationBound: `under 5 parsecs` is not …"
    let parameter = text.split_once(" can not be parsed to ").and_then(|(_, rest)| rest.split_once(": "));
    parameter.map_or(text, |(_, why)| why).to_string()
}

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync;

/// Keeps this thread's panics off the terminal while it lives: they are reported as problems.
struct QuietPanics {
    previous: Arc<Hook>,
    _alone: std::sync::MutexGuard<'static, ()>,
}

impl QuietPanics {
    fn on_this_thread() -> QuietPanics {
        // The hook belongs to the process, so only one declaration at a time may exchange it.
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let previous: Arc<Hook> = panic::take_hook().into();
        let (others, declaring) = (Arc::clone(&previous), thread::current().id());
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() != declaring {
                others(info);
            }
        }));
        QuietPanics { previous, _alone: alone }
    }
}

impl Drop for QuietPanics {
    fn drop(&mut self) {
        if !thread::panicking() {
            let previous = Arc::clone(&self.previous);
            panic::set_hook(Box::new(move |info| previous(info)));
        }
    }
}
