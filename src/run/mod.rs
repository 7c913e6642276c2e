//! Runs a plan: every scenario in the sandbox, several side by side, into one bundle; then judges it and writes the
//! reports. What is done here is everything between a declared plan and an exit code.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::Instrument;

mod acts;
mod at_work;
pub mod bundle;
mod ends;
mod logs;
pub mod looks;
pub mod progress;
pub mod provenance;
mod scenario;
mod stop;

pub use scenario::Sabotage;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::history::recorder::RunRecorder;
use crate::history::{Event, History};
use crate::journal::{Journal, Note};
use crate::judge;
use crate::plan::{Plan, ScenarioPlan};
use crate::report::JudgedRun;
use crate::report::words::{verdict_sign, verdict_word};
use crate::signals;
use crate::verdict::Verdict;
use bundle::Bundle;
use ends::Ends;
use progress::Board;
use scenario::{Again, Attempt};

/// How a plan is run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where bundles go: `DIR/<run-id>`, and `DIR/latest` beside them.
    pub out: PathBuf,
    /// Scenarios under way at once.
    pub jobs: usize,
    /// How often a scenario that came to `invalid` or `infra` is tried again; `fail` never is.
    pub retries: u32,
    /// The command that reproduces the run, for the report.
    pub command: String,
    /// The command that reproduces one scenario, with [`crate::report::Provenance::SCENARIO`] for its address.
    pub reproduce: Option<String>,
    /// Lies that tests plant.
    pub sabotage: Sabotage,
}

/// How a run went, beside its verdicts.
#[derive(Debug)]
pub struct Finished {
    /// The judged run; its record holds the exit code.
    pub judged: JudgedRun,
    /// Where the bundle lies.
    pub folder: PathBuf,
}

/// The run itself could not be carried through.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The bundle can't be written.
    #[error("{}: can't be read or written: {source}", .path.display())]
    Bundle { path: PathBuf, source: std::io::Error },
    /// The recorded plan can't be used.
    #[error(transparent)]
    Plan(#[from] crate::plan::PlanError),
    /// A report can't be written; `source` names it.
    #[error(
        "{source}\n  help: make room, or make the bundle's folder writable; then `chimp report RUN` judges it again"
    )]
    Unwritten { source: std::io::Error },
    /// There can be no bundle.
    #[error("{}: can't be written: {source}\n  help: name another folder with `--out DIR`; nothing was touched", .path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    /// What happens can't be written down any more.
    #[error("{}: the run was ended, since it can't be recorded: {source}\n  help: make room; every fault is gone, and nothing was left behind", .path.display())]
    Unrecorded { path: PathBuf, source: std::io::Error },
    /// What was recorded can't be read back.
    #[error(transparent)]
    History(#[from] crate::history::HistoryError),
    /// The machine has no room for a runtime.
    #[error("can't start the runtime: {0}")]
    Runtime(std::io::Error),
}

/// Runs every scenario that `skips` does not name, in an environment. Without one all must be skipped.
///
/// # Errors
/// When the bundle can't be written or read; never because of what the site did.
pub fn execute(
    plan: &Plan,
    skips: &[(u32, String)],
    options: &RunOptions,
    place: Option<Arc<dyn Environment>>,
) -> Result<Finished, RunError> {
    let environment = provenance::look_around(plan.seed, options);
    let bundle = Bundle::create(&options.out, environment, plan)?;
    let clock = Clock::start();
    let in_bundle = |source| RunError::Bundle { path: bundle.folder().into(), source };
    let unrecorded = |source| RunError::Unrecorded { path: bundle.folder().into(), source };
    let recorder = RunRecorder::create_by_scenario(bundle.folder(), clock).map_err(in_bundle)?;
    for (index, reason) in skips {
        recorder.scenario(*index).record(Event::ScenarioSkipped { reason: reason.clone() });
    }
    if let Some(place) = place {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(RunError::Runtime)?;
        let journal = Arc::new(Journal::open(bundle.folder()).map_err(in_bundle)?);
        let plan_sha256 = plan.sha256();
        journal
            .note(Note::Began { place: place.place(bundle.run_id()), seed: plan.seed, plan_sha256 })
            .map_err(in_bundle)?;
        let conductor = Conductor::new(plan, options, Arc::clone(&place), &bundle, &recorder, Arc::clone(&journal));
        runtime.block_on(conductor.run_all(skips));
        runtime.shutdown_background();
        let noted = match place.farewell() {
            Some(detail) => journal.note(Note::Gone { detail: detail.into() }),
            None => Ok(()),
        };
        recorder.finish().and(noted).map_err(unrecorded)?;
    } else {
        recorder.finish().map_err(unrecorded)?;
    }
    let judged = bundle.render()?;
    bundle.make_latest().map_err(in_bundle)?;
    Ok(Finished { judged, folder: bundle.folder().into() })
}

/// How long lifting every fault may take when a run is interrupted: healing is tried for as long as a lease, and more.
const LIFTED_WITHIN: Duration = Duration::from_secs(60);

/// Gives scenarios their turn.
struct Conductor<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    place: Arc<dyn Environment>,
    run_id: &'a str,
    folder: &'a Path,
    recorder: &'a RunRecorder,
    journal: Arc<Journal>,
    strike_prefix: String,
    jobs: usize,
    turns: Semaphore,
    board: Board,
    ends: Ends,
}

impl<'a> Conductor<'a> {
    fn new(
        plan: &'a Plan,
        options: &'a RunOptions,
        place: Arc<dyn Environment>,
        bundle: &'a Bundle,
        recorder: &'a RunRecorder,
        journal: Arc<Journal>,
    ) -> Self {
        // Servers that outlive a run are those of every scenario: one at a time.
        let jobs = if place.farewell().is_none() { 1 } else { options.jobs };
        let turns = Semaphore::new(jobs);
        let strike_prefix = bundle.run_id().to_lowercase();
        Conductor {
            plan,
            options,
            place,
            run_id: bundle.run_id(),
            folder: bundle.folder(),
            recorder,
            journal,
            strike_prefix,
            jobs,
            turns,
            board: Board::new(),
            ends: Ends::default(),
        }
    }

    /// Runs all, until they are done or a signal ends the run.
    async fn run_all(&self, skips: &[(u32, String)]) {
        let skipped = |scenario: &&ScenarioPlan| skips.iter().any(|(index, _)| *index == scenario.index);
        let wanted: Vec<&ScenarioPlan> = self.plan.scenarios.iter().filter(|scenario| !skipped(scenario)).collect();
        let mut all = pin!(futures::future::join_all(wanted.iter().map(|scenario| self.run_one(scenario))));
        tokio::select! {
            _ = &mut all => return self.close(&wanted).await,
            (signal, waits) = self.interrupted() => {
                for scenario in &wanted {
                    self.recorder.scenario(scenario.index).record(Event::Interrupted { signal: signal.into() });
                }
                self.board.say("interrupted: writing the bundle with what was recorded until now");
                waits.iter().for_each(|wait| self.board.say(&format!("  {wait}")));
            }
            // Nothing that happens from now on would count.
            () = self.recorder.failed() => {}
        }
        // Where servers end with the run, every fault does.
        if self.place.farewell().is_none() {
            self.lift(all, self.close(&wanted)).await;
        }
    }

    /// Removes what is left on servers that outlive the run.
    async fn close(&self, scenarios: &[&ScenarioPlan]) {
        if let (Err(why), Some(last)) = (self.place.close().await, scenarios.last()) {
            self.recorder.scenario(last.index).record(Event::LeftBehind { detail: why.to_string() });
        }
        self.place.told().iter().for_each(|line| self.board.say(line));
    }

    /// Lets all scenarios that are under way lift their faults and end, and then closes the place; a second signal ends the wait, and
    /// leaves the rest to the leases.
    async fn lift(&self, all: impl Future, close: impl Future<Output = ()>) {
        self.ends.end();
        self.board.say("lifting every fault");
        let lifted = async {
            all.await;
            close.await;
        };
        tokio::select! {
            () = lifted => {}
            _ = signals::interrupted() => self.board.say("interrupted again: what is in force ends with its lease"),
            () = tokio::time::sleep(LIFTED_WITHIN) => {}
        }
    }

    /// The signal that ends the run, and what each scenario waited for when it came.
    async fn interrupted(&self) -> (&'static str, Vec<String>) {
        (signals::interrupted().await, self.board.waits())
    }

    /// Tries a scenario until it has a verdict that may stand.
    async fn run_one(&self, scenario: &ScenarioPlan) {
        for number in 1..=self.options.retries + 1 {
            if self.ends.is_now() {
                return;
            }
            let turns = turns(scenario, number, self.jobs) as u32;
            let turn = self.turns.acquire_many(turns).await.expect("the semaphore is never closed");
            let span = tracing::info_span!("scenario", name = scenario.name, attempt = number);
            let attempted = self.attempt(scenario, number).run().instrument(span).await;
            if let Err(why) = &attempted {
                let detail = why.to_string();
                self.recorder.scenario(scenario.index).record(Event::LeftBehind { detail });
            }
            drop(turn);
            self.board.log(&format!("{}: judging", scenario.name));
            let (verdict, headline) = self.verdict_now(scenario).await;
            let (sign, word) = (verdict_sign(verdict), verdict_word(verdict).to_uppercase());
            self.board.say(&format!("{sign} {word} {}: {headline}", scenario.name));
            // Beside servers that could not be removed, another attempt would say nothing of the first one's trouble.
            let may_differ = matches!(attempted, Ok(Again::MayDiffer));
            if !may_differ || !matches!(verdict, Verdict::Invalid | Verdict::Infra) {
                break;
            }
            if number <= self.options.retries && !self.ends.is_now() {
                self.recorder.scenario(scenario.index).record(Event::AttemptDiscarded { headline });
            }
        }
    }

    fn attempt<'s>(&'s self, plan: &'s ScenarioPlan, number: u32) -> Attempt<'s> {
        let recorder = self.recorder.scenario(plan.index);
        Attempt {
            plan,
            number,
            run_id: self.run_id,
            place: Arc::clone(&self.place),
            bundle: self.folder.into(),
            line: self.board.scenario(&plan.name, number, recorder.awaited().clone()),
            recorder,
            journal: Arc::clone(&self.journal),
            strike_prefix: self.strike_prefix.clone(),
            sabotage: self.options.sabotage,
            ends: self.ends.clone(),
        }
    }

    /// The verdict on what was recorded until now. A long history takes a second, during which others go on.
    async fn verdict_now(&self, scenario: &ScenarioPlan) -> (Verdict, String) {
        let unreadable = |why: &dyn std::error::Error| (Verdict::Infra, why.to_string());
        if let Err(why) = self.recorder.scenario(scenario.index).sync().await {
            return unreadable(&why);
        }
        let (folder, plan) = (self.folder.to_path_buf(), scenario.clone());
        let judged = move || History::read(&folder, &plan).map(|history| judge::judge(&history));
        match tokio::task::spawn_blocking(judged).await {
            Ok(Ok(record)) => (record.verdict, record.headline),
            Ok(Err(why)) => unreadable(&why),
            Err(why) => unreadable(&why),
        }
    }
}

/// The tag of a scenario that nothing else may run beside.
const ALONE: &str = "alone";

/// How many of the turns an attempt takes: all where it wants the machine for itself, and on a retry, in case it was
/// starved before.
fn turns(scenario: &ScenarioPlan, attempt: u32, jobs: usize) -> usize {
    let alone = attempt > 1 || scenario.tags.iter().any(|tag| tag == ALONE);
    if alone { jobs } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;

    #[test]
    fn who_is_tagged_so_and_who_is_tried_again_has_the_machine_alone() {
        let mut plan = Script::website(2, 1).plan();
        assert_eq!((turns(&plan, 1, 3), turns(&plan, 2, 3)), (1, 3));
        plan.tags = vec!["nightly".into(), ALONE.into()];
        assert_eq!((turns(&plan, 1, 3), turns(&plan, 1, 1)), (3, 1));
    }
}
