//! Starting a service in an instance that is up, as its first process would have: in a session of its own, with the
//! service's environment, its log, and a file that says which process it is.
//!
//! Whoever supervises services (the config agent, Monit, a restart) starts them by this one command, so that they look
//! alike to all others: processes of the instance, in nobody's session.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::instance::ServiceSpec;

/// Where the agent's program lies on a victim that has it from its boot, as instances of the local cloud do.
pub const PROGRAM: &str = "/var/lib/anarcho-chimp/agent";
/// The hidden first argument that makes a program of this crate an agent.
pub const ASKED: &str = "__agent";
/// What follows [`ASKED`] where an agent is to answer one request after the other: a line of JSON, which is a list of what
/// else would follow [`ASKED`], is answered by another, `{"Ok": ANSWER}` or `{"Err": REASON}`. An empty line is answered by
/// an empty line while the program is the one that lies at its path.
pub const SERVE: &str = "serve";
/// An agent that is to answer requests ends when it was not asked anything for so long.
pub const SERVES_WITHIN: Duration = Duration::from_secs(5);
/// A server that was booted unconfigured has this file until somebody has made it what its role says.
pub const UNCONFIGURED_MARK: &str = "/etc/anarcho-chimp-unconfigured";
/// Where an instance keeps, for each service, `<name>.pid` (its process), `<name>.log` (a link to its log) and, once that
/// process has ended, `<name>.end` (how).
pub const SERVICES: &str = "/run/services";

/// What a service's environment has beside its own.
pub const ENVIRONMENT: [(&str, &str); 3] =
    [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"), ("LANG", "C.UTF-8")];

/// Names and arguments come as arguments of their own, so nothing is ever spliced into it. `$1`: the service, `$2`: where
/// it starts, the rest: its environment and command. A machine that keeps no such folder gets none.
const SCRIPT: &str = r#"
service=$1
cd -- "$2" || exit 1
shift 2
log=/run/services/$service.log
[ -e "$log" ] || log=/dev/null
exec setsid -f sh -c '
    file=/run/services/$1.pid
    shift
    [ -d "${file%/*}" ] && echo "$$" >"$file" && rm -f "${file%.pid}.end"
    exec env -i -- "$@"
' sh "$service" "$@" </dev/null >>"$log" 2>&1
"#;

/// Which process a service is.
pub fn process_file(service: &str) -> PathBuf {
    Path::new(SERVICES).join(format!("{service}.pid"))
}

/// The log of a service.
pub fn log_file(service: &str) -> PathBuf {
    Path::new(SERVICES).join(format!("{service}.log"))
}

/// The command that starts a service, to be run in its instance. It ends at once; the service goes on.
pub fn command(service: &ServiceSpec) -> Vec<String> {
    let folder = service.working_directory.as_deref().unwrap_or(Path::new("/"));
    let head = ["sh", "-c", SCRIPT, "sh", &service.name].map(String::from);
    let fixed = ENVIRONMENT.iter().map(|(name, value)| format!("{name}={value}"));
    let own = service.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let rest = fixed.chain(own).chain(service.command.iter().cloned());
    head.into_iter().chain([folder.display().to_string()]).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_service_is_an_argument_of_its_own() {
        let service = ServiceSpec {
            name: "site".into(),
            command: vec!["python3".into(), "-c".into(), "print('$HOME; x')".into()],
            environment: [("NAME".to_string(), "two words".to_string())].into(),
            working_directory: Some("/srv/my site".into()),
        };
        let argv = command(&service);
        assert_eq!(argv[3..6], ["sh", "site", "/srv/my site"]);
        assert_eq!(argv[9..], ["NAME=two words", "python3", "-c", "print('$HOME; x')"]);
    }
}
