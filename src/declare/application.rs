//! The workload that a step names, and whether what it speaks of is there: its database, the servers of its commands, a password.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use super::error::{Problem, ProblemKind};
use super::world::StepError;
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::yaml::at;
use crate::environment::{Kind, On};
use crate::infrastructure::Infrastructure;
use crate::load::registered;
use crate::workload::{self, Password, Workload};

/// A registered workload, by its name; otherwise that of a file.
///
/// # Errors
/// Everything that is wrong with the file; a file that is called like a registered workload.
pub(super) fn called(name: &str, file: &Path) -> Result<Workload, StepError> {
    let registered = registered::workloads();
    if registered.iter().any(|one| one.name == name) {
        if file.is_file() {
            let detail = format!("`{name}` is a registered workload, and {} is there, too", file.display());
            return Err(StepError::refused(detail, "give one of the two another name"));
        }
        return Ok(Workload::registered(name));
    }
    workload::read(file).map_err(|why| {
        let why = why.to_string();
        if file.exists() || registered.is_empty() {
            return StepError::Malformed(why);
        }
        let hint = one_of(name, "registered workloads", registered.iter().map(|one| one.name));
        StepError::Malformed(format!("{why}\n  help: no workload of this name is registered, either; {hint}"))
    })
}

/// Whether a step speaks of the workload that was named before: one says how many users work with a registered one, another how many operations/s
/// they send.
///
/// # Errors
/// It is another one, or a file.
pub(super) fn is_the_same(known: &Workload, name: &str) -> Result<(), StepError> {
    let hint = match known.registered_name() {
        Some(registered) if registered == name => return Ok(()),
        Some(_) => "keep one: how many users work, and how many operations/s they send, is said of the same",
        None => {
            "keep one: a file has a place for each kind of data; say either how many users work, or how many operations/s they send"
        }
    };
    Err(StepError::refused(format!("the users work with {} already", known.name()), hint))
}

/// Everything that is not there, at its line in the workload file, with the step that names the file. `secrets` are those of the roles, where they
/// are known.
pub(super) fn wrong(
    workload: &Workload,
    used_at: (&Path, usize),
    infrastructure: &Infrastructure,
    on: &On,
    secrets: Option<&BTreeSet<String>>,
) -> Vec<Problem> {
    let known = names(infrastructure);
    let unknown = workload.servers_asked_for().into_iter().filter(|(_, _, name)| !known.contains(name.as_str()));
    let unknown = unknown.map(|(model, field, name)| {
        let hint = one_of(&name, "servers", known.iter().copied());
        workload.error(&at![model, field, "command"], format!("there is no server `{name}`"), hint)
    });
    let host = host(workload, infrastructure, on.kind, &known);
    let secret = secrets.and_then(|secrets| secret(workload, infrastructure, secrets));
    let meaning = unknown.chain(host).chain(secret).map(|why| Problem::of(why, ProblemKind::Meaning));
    let access = password(workload, infrastructure).map(|why| Problem::of(why, ProblemKind::Access));
    let mut problems: Vec<Problem> = meaning.chain(access).collect();
    let (feature, line) = used_at;
    for problem in &mut problems {
        problem.used_at.push((feature.into(), line));
    }
    problems
}

/// Every name that servers know.
fn names(infrastructure: &Infrastructure) -> BTreeSet<&str> {
    let servers = infrastructure.servers.keys().chain(infrastructure.aliases.keys());
    servers.map(String::as_str).chain(infrastructure.virtual_ips.iter().map(|ip| ip.name.as_str())).collect()
}

/// A name without a dot is that of a server, where the servers are those that the scenario declares; and so is any name where others can't be looked up.
fn host(
    workload: &Workload,
    infrastructure: &Infrastructure,
    kind: &dyn Kind,
    known: &BTreeSet<&str>,
) -> Option<DocumentError> {
    let host = &workload.database.as_ref()?.host;
    if infrastructure.is_attached() || host.parse::<IpAddr>().is_ok() || known.contains(host.as_str()) {
        return None;
    }
    let detail = match host.contains('.') {
        false => format!("there is no server `{host}`"),
        true if kind.capabilities().looks_up_names => return None,
        true => {
            format!(
                "the host `{host}` can't be found in the environment `{}`: only the scenario's servers are there",
                kind.name()
            )
        }
    };
    Some(workload.database_error(detail, one_of(host, "servers", known.iter().copied())))
}

fn password(workload: &Workload, infrastructure: &Infrastructure) -> Option<DocumentError> {
    let found = workload.database.as_ref()?.password.as_ref()?;
    if matches!(found, Password::Run(_)) && infrastructure.is_attached() {
        let hint = "write `${NAME}`, which is taken from the environment";
        let detail = "servers that are there already have passwords of their own, and not the run's";
        return Some(workload.database_error(detail, hint));
    }
    workload.password(|_| String::new()).err()
}

/// The run's own password of a name that no role mentions is one that the database does not know.
fn secret(workload: &Workload, infrastructure: &Infrastructure, known: &BTreeSet<String>) -> Option<DocumentError> {
    let Some(Password::Run(name)) = &workload.database.as_ref()?.password else { return None };
    let is_unknown = !infrastructure.is_attached() && !known.contains(name);
    is_unknown.then(|| {
        let hint = match known.is_empty() {
            true => format!("no role asks for a secret: write `{{{{ secrets.{name} }}}}` in that of the database, too"),
            false => one_of(name, "secrets of the roles", known.iter().map(String::as_str)),
        };
        workload.database_error(format!("no role asks for the secret `{name}`, so no server knows that password"), hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;
    use crate::history::synthetic::Script;

    #[test]
    fn a_host_elsewhere_is_refused_where_its_name_can_t_be_looked_up() {
        let infrastructure = Script::website(1, 1).databases(1).plan().infrastructure;
        let known = names(&infrastructure);
        let refused = |environment: &str, host: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("shop.workload.yaml");
            let set = "set:\n  add: { path: /, body: \"{{ value }}\" }\n  read: { path: / }\n";
            std::fs::write(&path, format!("database: mysql://shop@{host}/shop\n{set}")).unwrap();
            let workload = workload::read(&path).unwrap();
            let kind = environment::on(environment).unwrap().kind;
            super::host(&workload, &infrastructure, kind, &known).map(|why| why.to_string())
        };
        let why = refused("local", "db.example.org").unwrap();
        assert!(why.contains("shop.workload.yaml:1:11: the host `db.example.org` can't be found"), "{why}");
        assert!(why.contains("in the environment `local`") && why.contains("known servers: "), "{why}");
        assert!(refused("local", "dbb-1").unwrap().contains("there is no server `dbb-1`"));
        for (environment, host) in [("local", "db-1"), ("local", "192.0.2.1"), ("openstack", "db.example.org")] {
            assert_eq!(refused(environment, host), None);
        }
    }
}
