//! Lets a scenario's steps speak, one after the other.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures::FutureExt as _;
use futures::executor::block_on;

use super::error::{Problem, ProblemKind};
use super::gherkin::PickleStep;
use super::listing::{Listed, step_text};
use super::vocabulary::{NotFound, Vocabulary};
use super::world::{Declaration, World};
use crate::settings::Settings;

/// What the scenario's steps declare.
///
/// # Errors
/// All steps that are undefined or ambiguous, and all before the first of these that can't be declared: what comes after
/// it may be wrong only because it is missing.
pub(super) fn declare(
    listed: &Listed<'_>,
    vocabulary: &Vocabulary,
    settings: &Settings,
) -> Result<Declaration, Vec<Problem>> {
    let at = |line, kind, detail: String| Problem::at(&listed.file.path, line, kind, detail);
    let (mut problems, mut all_found) = (Vec::new(), true);
    let mut world = World::default();
    world.declaration = Declaration::new(&listed.file.path, settings);
    let quiet = QuietPanics::on_this_thread();
    for PickleStep { step, kind, rows, .. } in listed.steps {
        let (kind, why) = match vocabulary.find(step, *kind) {
            Ok(_) if !all_found => continue,
            Ok((function, context)) => {
                world.declaration.step = step_text(step);
                world.declaration.rows.clone_from(rows);
                match block_on(AssertUnwindSafe(function(&mut world, context)).catch_unwind()) {
                    Ok(()) => continue,
                    Err(panic) => (ProblemKind::Step, said(panic.as_ref())),
                }
            }
            Err(NotFound::Undefined(why)) => (ProblemKind::Undefined, why),
            Err(NotFound::Ambiguous(why)) => (ProblemKind::Ambiguous, why),
        };
        all_found &= kind == ProblemKind::Step;
        problems.push(at(step.position.line, kind, why));
    }
    drop(quiet);
    if problems.is_empty() { Ok(world.declaration) } else { Err(problems) }
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
