//! Every process of a name ends and is started again; the server lives on.

use std::path::Path;

use super::{Action, Fault, FaultTarget, Parameter, ServerStrike, Witness, process};
use crate::instance::{Command, ServiceSpec};
use crate::launch;
use crate::plan::Parameters;

/// `When process {string} on {target} restarts`, `When a random process on {target} restarts`
///
/// Runs, over SSH: `pkill -TERM -x NAME` in the instance, `-KILL` after 2 s if need be; then, where a service of the
/// victim's role runs that program, the service's own command again, detached and with the service's environment. What
/// the role does not declare is left to whatever supervises it. Witness, over SSH: `pgrep -x NAME` finds processes, and
/// none of those from before. Heal: none needed.
pub struct ProcessRestarts;

/// Names and arguments come as arguments of their own, so nothing is ever spliced into it. `$1`: the pattern, the rest:
/// the command that starts the service again, none where nothing is started.
const SCRIPT: &str = r#"
pattern=$1
shift
# Names may have letters that are not ASCII.
export LC_ALL=C.UTF-8
pkill -TERM -x -- "$pattern"
[ "$#" -gt 0 ] || exit 0
waited=0
while pgrep -x -- "$pattern" >/dev/null; do
    [ "$waited" -lt 40 ] || pkill -KILL -x -- "$pattern"
    waited=$((waited + 1))
    sleep 0.05
done
exec "$@"
"#;

impl Fault for ProcessRestarts {
    fn name(&self) -> &'static str {
        "process-restarts"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{process} on {target} restart(s){schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Process]
    }

    fn is_instant(&self) -> bool {
        true
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let pattern = process::pattern(with);
        let name = with.process.as_deref().unwrap_or_default();
        let service = victim.services.iter().find(|service| runs(service, name));
        let mut argv: Vec<String> = ["sh", "-c", SCRIPT, "sh", &pattern].map(String::from).into();
        argv.extend(service.map(launch::command).unwrap_or_default());
        ServerStrike {
            server: victim.server.into(),
            before: Witness::ProcessRuns(pattern.clone()),
            inject: Action::Exec(Command::new(argv)),
            witness: Witness::ProcessRestarted(pattern),
            then: None,
            heal: None,
        }
    }
}

fn runs(service: &ServiceSpec, name: &str) -> bool {
    let program = service.command.first().map(Path::new).and_then(Path::file_name);
    program.is_some_and(|program| program == name)
}
