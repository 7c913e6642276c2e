//! Every process of a name is killed on a server; the server lives on.

use super::{Action, Fault, FaultTarget, Parameter, ServerStrike, Witness, process};
use crate::instance::Command;
use crate::plan::Parameters;

/// `When process {string} on {target} dies`, `… dies of {signal}`, `When a random process on {target} dies`
///
/// Runs, over SSH: `pkill -KILL -x NAME` in the instance (or with another signal), whose processes are the only ones
/// it can see. Witness, over SSH: `pgrep -x NAME` finds none. Heal: none; whatever supervises the process may start
/// it again.
pub struct ProcessDies;

impl Fault for ProcessDies {
    fn name(&self) -> &'static str {
        "process-dies"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{process} on {target} die(s){schedule}", "{process} on {target} die(s) of {signal}{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Process]
    }

    fn accepts(&self) -> &'static [Parameter] {
        &[Parameter::Signal]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let pattern = process::pattern(with);
        let signal = format!("-{}", with.signal.as_deref().unwrap_or("KILL"));
        let [env, locale] = process::ANY_LETTER;
        ServerStrike {
            server: victim.server.into(),
            before: Witness::ProcessRuns(pattern.clone()),
            inject: Action::Exec(Command::new([env, locale, "pkill", &signal, "-x", "--", &pattern])),
            witness: Witness::NoProcess(pattern),
            then: None,
            heal: None,
        }
    }
}
