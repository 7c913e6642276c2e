//! What the faults of processes share: which processes there are, how one is named, by which signals it ends.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::instance::ServiceSpec;
use crate::plan::Parameters;

/// The kernel keeps this many bytes of a process's name, and `pgrep -x` compares with that.
const COMM_LENGTH: usize = 15;

/// Before `pgrep` and `pkill`: in another locale they take a letter that is not ASCII for none.
pub const ANY_LETTER: [&str; 2] = ["env", "LC_ALL=C.UTF-8"];

/// Signals that end a process that does not handle them.
pub const ENDING_SIGNALS: [&str; 15] =
    ["KILL", "TERM", "INT", "QUIT", "HUP", "ABRT", "SEGV", "BUS", "FPE", "ILL", "PIPE", "ALRM", "USR1", "USR2", "SYS"];

/// Whether a process can be struck by this name: a name of the kernel's, which has no line breaks.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.contains(|c: char| c.is_control())
}

/// A pattern for `pgrep -x` that matches this name and no other.
pub fn pattern(with: &Parameters) -> String {
    let name = with.process.as_deref().unwrap_or_default();
    let mut end = name.len().min(COMM_LENGTH);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    regex::escape(&name[..end])
}

/// The name that a [`pattern`] matches.
pub fn name_of(pattern: &str) -> String {
    let (mut name, mut signs) = (String::new(), pattern.chars());
    while let Some(sign) = signs.next() {
        name.extend(if sign == '\\' { signs.next() } else { Some(sign) });
    }
    name
}

/// The processes that a server's role declares, by the names of their programs, in their order, each once.
pub fn candidates(services: &[ServiceSpec]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for service in services {
        let program = service.command.first().map_or("", String::as_str);
        let name = program.rsplit('/').next().unwrap_or(program);
        if is_name(name) && !names.iter().any(|known| known == name) {
            names.push(name.into());
        }
    }
    names
}

/// The parameters for one victim: where any process will do, one of its own is drawn.
///
/// # Errors
/// In words, when its role declares no process.
pub fn drawn(with: &Parameters, services: &[ServiceSpec], rng: &mut StdRng) -> Result<Parameters, String> {
    if !with.random_process {
        return Ok(with.clone());
    }
    let candidates = candidates(services);
    let process = candidates.choose(rng).ok_or("its role declares no process")?;
    Ok(Parameters { process: Some(process.clone()), random_process: false, ..with.clone() })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::draw::{Draw, Purpose};

    fn services(commands: &[&str]) -> Vec<ServiceSpec> {
        let service = |command: &&str| ServiceSpec {
            name: "any".into(),
            command: vec![(*command).into(), "-v".into()],
            environment: BTreeMap::new(),
            working_directory: None,
        };
        commands.iter().map(service).collect()
    }

    fn named(process: &str) -> Parameters {
        Parameters { process: Some(process.into()), ..Parameters::default() }
    }

    #[test]
    fn candidates_are_the_programs_of_the_role_each_once() {
        assert_eq!(candidates(&services(&["/usr/sbin/haproxy", "keepalived", "haproxy"])), ["haproxy", "keepalived"]);
        assert!(candidates(&[]).is_empty());
    }

    #[test]
    fn a_process_is_drawn_with_the_seed_and_a_named_one_stays() {
        let services = services(&["haproxy", "keepalived"]);
        let any = Parameters { random_process: true, signal: Some("TERM".into()), ..Parameters::default() };
        let draw = |seed| drawn(&any, &services, &mut Draw::of(seed).for_purpose(Purpose::Processes, 0)).unwrap();
        assert_eq!(draw(7), draw(7));
        assert_eq!((draw(7).random_process, draw(7).signal.as_deref()), (false, Some("TERM")));
        let all: BTreeSet<_> = (0..20).map(|seed| draw(seed).process.unwrap()).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(
            drawn(&named("nginx"), &[], &mut Draw::of(7).for_purpose(Purpose::Processes, 0)),
            Ok(named("nginx"))
        );
        assert!(drawn(&any, &[], &mut Draw::of(7).for_purpose(Purpose::Processes, 0)).is_err());
    }

    #[test]
    fn a_name_is_matched_literally_and_as_the_kernel_keeps_it() {
        assert_eq!(pattern(&named("a.b*")), r"a\.b\*");
        assert_eq!(pattern(&named("a-very-long-process-name")), regex::escape("a-very-long-pro"));
        assert_eq!(pattern(&named("ääääääää")), "äääääää", "15 bytes, and no half letter");
        for name in ["php-fpm8.2", "a\\b", "[x]"] {
            assert_eq!(name_of(&pattern(&named(name))), name);
        }
        assert!(!is_name(" ") && !is_name("a\nb") && is_name("$(reboot); \"x\""));
    }
}
