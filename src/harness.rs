//! From a request to an exit code: declare, see what the environment can run, enter it, run, show.
//!
//! `chimp run` and the `chaos` test target both go through [`run()`]. Order matters here: nothing may start a thread
//! before an environment is entered, and nothing may boot before everything was declared without an error.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use crate::console::{self, complain, say};
use crate::declare::{DeclareError, DeclareOptions, declare};
use crate::environment::{self, Access, EnterError, On, Refusal};
use crate::exit;
use crate::plan::{Plan, ScenarioPlan};
use crate::report::{self, columns, terminal};
use crate::run::{self, Finished, RunOptions};

mod notes;
mod turn;

pub use notes::{note, note_seed, note_settings, note_skips};
use turn::{TurnError, turn};

/// What somebody asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which scenarios, and with what seed and settings.
    pub declare: DeclareOptions,
    /// How they are run.
    pub run: RunOptions,
    /// Whether names that leave no scenario are no error: `cargo test NAME` asks every test target for it.
    pub names_may_fit_nothing: bool,
}

/// Does it all; errors and the verdict table go to stderr and stdout.
pub fn run(request: &Request) -> ExitCode {
    ExitCode::from(run_to_code(request))
}

fn run_to_code(request: &Request) -> u8 {
    let plan = match declare(&request.declare) {
        Ok(plan) => plan,
        Err(why @ DeclareError::NothingNamed(_)) if request.names_may_fit_nothing => {
            say!("\nrunning 0 scenarios\n{why}");
            return exit::PASS;
        }
        Err(why) => return refuse(&why),
    };
    carry_out(&plan, &request.declare.access, &request.run)
}

/// Runs a plan that was recorded before: the same scenarios, seeds and victims.
pub fn replay(plan: &Plan, access: &Access, options: &RunOptions) -> ExitCode {
    ExitCode::from(carry_out(plan, access, options))
}

fn carry_out(plan: &Plan, access: &Access, options: &RunOptions) -> u8 {
    complain!("{}", report::plan::heading(plan, &plan.sha256()));
    let On { kind: environment, value } = match environment::on(&plan.environment) {
        Ok(on) => on,
        Err(why) => {
            complain!("chimp: {why}");
            return exit::USAGE;
        }
    };
    note(plan);
    let refusals = environment::refusals(environment, plan);
    if !refusals.is_empty() {
        for Refusal { feature, line, detail, .. } in refusals {
            complain!("{}:{line}: {detail}", feature.display());
        }
        return exit::USAGE;
    }
    let skips = environment::unable(environment, plan);
    if skips.len() == plan.scenarios.len() {
        return show(run::execute(plan, &skips, options, None));
    }
    if let Err(why) = run::bundle::is_writable(&options.out) {
        complain!("chimp: {why}");
        return exit::COULD_NOT_TELL;
    }
    let _lock = match turn() {
        Ok(lock) => lock,
        Err(why) => {
            complain!("chimp: {why}");
            return if matches!(why, TurnError::Interrupted { .. }) { exit::INTERRUPTED } else { exit::COULD_NOT_TELL };
        }
    };
    let work = |opened| show(run::execute(plan, &skips, options, Some(opened)));
    let runs = |scenario: &&ScenarioPlan| skips.iter().all(|(index, _)| *index != scenario.index);
    let run = Plan { scenarios: plan.scenarios.iter().filter(runs).cloned().collect(), ..plan.clone() };
    match environment.enter(&value, access, &run, Box::new(work)) {
        Ok(code) => code,
        Err(why) => {
            complain!("chimp: {why}");
            if matches!(why, EnterError::Described(_)) { exit::USAGE } else { exit::COULD_NOT_TELL }
        }
    }
}

/// Says what is wrong with what was asked for; nothing was touched.
fn refuse(why: &DeclareError) -> u8 {
    match why {
        DeclareError::Nothing(_) | DeclareError::NothingNamed(_) => {
            complain!("chimp: {why}");
            exit::NOTHING_RAN
        }
        _ => {
            complain!("chimp: {why}");
            exit::USAGE
        }
    }
}

fn show(finished: Result<Finished, run::RunError>) -> u8 {
    let finished = match finished {
        Ok(finished) => finished,
        Err(why) => {
            complain!("chimp: {why}");
            return exit::COULD_NOT_TELL;
        }
    };
    let width = columns(std::env::var("COLUMNS").ok().as_deref(), io::stdout());
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    say!("\n{}", terminal::verdict_table(&finished.judged.record, colour, width));
    say!("report: {}", finished.folder.join("report.html").display());
    console::ended(finished.judged.record.exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::SCHEMA;
    use crate::run::Sabotage;

    #[test]
    fn a_recorded_plan_that_its_environment_can_t_carry_out_is_refused_before_there_is_a_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("reports");
        let (command, sabotage) = (String::new(), Sabotage::default());
        let options = RunOptions { out: out.clone(), jobs: 1, retries: 0, command, reproduce: None, sabotage };
        let scenarios = vec![Script::website(2, 1).plan()];
        let plan = Plan { schema: SCHEMA, seed: 7, environment: "testbed".into(), scenarios };
        assert_eq!(carry_out(&plan, &Access::default(), &options), exit::USAGE);
        assert!(!out.exists());
    }
}
