//! Monit, which starts a server's services again when they die.
//!
//! Debian's Monit looks once a second whether the process of each service lives, by the file that says which one it is,
//! and starts it as it was started at boot: in a session of its own, with its environment and its log. So a service
//! that Monit started is struck and witnessed as any other.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::document::DocumentError;
use crate::instance::{FileContent, FileSpec, ServiceSpec};
use crate::launch;
use crate::launch::process_file;
use crate::role::Role;

/// Its program, its package, and its service's name.
pub const SERVICE: &str = "monit";
/// What it is told.
const CONTROL_FILE: &str = "/etc/monit/chimp.monitrc";
/// The scripts that it starts services by, one for each.
const STARTS: &str = "/etc/monit/start";

/// Adds Monit to what a server of this role is made of: its files, and its service after all others.
///
/// # Errors
/// A role that has a service of that name already.
pub(super) fn add(
    role: &Role,
    files: &mut Vec<FileSpec>,
    services: &mut Vec<ServiceSpec>,
) -> Result<(), DocumentError> {
    if services.iter().any(|service| service.name == SERVICE) {
        let detail = format!("Monit can't supervise the role `{}`: it has a service `{SERVICE}` of its own", role.name);
        return Err(DocumentError::new(detail).with_hint("leave `Monit supervises …` out, or rename the service"));
    }
    files.extend(services.iter().map(start_script));
    files.push(file(CONTROL_FILE, control(services), 0o600));
    services.push(ServiceSpec {
        name: SERVICE.into(),
        command: [SERVICE, "-I", "-c", CONTROL_FILE].map(String::from).into(),
        environment: BTreeMap::new(),
        working_directory: None,
    });
    Ok(())
}

/// The services that nothing on the server starts again.
pub fn unsupervised(role: &Role, services: &[ServiceSpec]) -> Vec<ServiceSpec> {
    services.iter().filter(|service| !role.monit || service.name == SERVICE).cloned().collect()
}

/// What Monit is told: a look a second, and what to do about each service.
fn control(services: &[ServiceSpec]) -> String {
    let mut text = String::from(
        "set daemon 1\nset pidfile /run/monit.pid\nset idfile /run/monit.id\nset statefile /run/monit.state\n",
    );
    for ServiceSpec { name, .. } in services {
        let pid = process_file(name);
        let check = format!("\ncheck process {name} with pidfile {}\n", pid.display());
        let start = format!("  start program = \"{STARTS}/{name}\"\n  if does not exist then start\n");
        text.write_fmt(format_args!("{check}{start}")).expect("a String takes any text");
    }
    text
}

/// Monit has no quotes within quotes, so what it starts is a script of one line.
fn start_script(service: &ServiceSpec) -> FileSpec {
    let words: Vec<String> = launch::command(service).iter().map(|word| quoted(word)).collect();
    let text = format!("#!/bin/sh\nexec {}\n", words.join(" "));
    file(&format!("{STARTS}/{}", service.name), text, 0o755)
}

fn file(path: &str, text: String, mode: u32) -> FileSpec {
    FileSpec { path: path.into(), content: FileContent::Text(text), mode }
}

/// A word for a POSIX shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;
    use crate::render::Secrets;
    use crate::render::{Addresses, render};
    use crate::settings::Settings;

    fn supervised() -> crate::instance::UserData {
        let mut draft = Draft::default();
        draft.tier(1, "webserver").unwrap();
        draft.supervise("webserver").unwrap();
        let site = draft.build().unwrap();
        render(&site, &Addresses::imagined(&site), &Settings::default(), &Secrets::imagined(), "web-1").unwrap()
    }

    #[test]
    fn monit_looks_after_every_service_of_the_role() {
        let data = supervised();
        let control = data.files.iter().find(|file| file.path.ends_with("chimp.monitrc")).unwrap();
        let FileContent::Text(text) = &control.content else { panic!("it is a text") };
        insta::assert_snapshot!(text, @r#"
        set daemon 1
        set pidfile /run/monit.pid
        set idfile /run/monit.id
        set statefile /run/monit.state

        check process nginx with pidfile /run/services/nginx.pid
          start program = "/etc/monit/start/nginx"
          if does not exist then start
        "#);
        assert_eq!(control.mode, 0o600, "Monit refuses what others can read");
        let names: Vec<&str> = data.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, ["nginx", "monit"]);
    }

    #[test]
    fn a_script_starts_a_service_whatever_is_in_its_command() {
        let service = ServiceSpec {
            name: "site".into(),
            command: vec!["echo".into(), "it's $HOME".into()],
            environment: BTreeMap::new(),
            working_directory: None,
        };
        let FileContent::Text(text) = start_script(&service).content else { panic!("it is a text") };
        assert!(text.starts_with("#!/bin/sh\nexec 'sh' '-c' "), "{text}");
        assert!(text.ends_with("'echo' 'it'\\''s $HOME'\n"), "{text}");
    }

    #[test]
    fn what_monit_supervises_is_left_to_it() {
        let data = supervised();
        let mut role = crate::role::shipped::role("webserver").unwrap();
        assert_eq!(unsupervised(&role, &data.services).len(), 2);
        role.supervise();
        assert_eq!(unsupervised(&role, &data.services)[0].name, "monit");
    }
}
