//! Whether the programs that roles need are on this machine.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::monit;
use crate::infrastructure::Infrastructure;
use crate::role::{Role, RoleContent, shipped};

/// Where a server looks for programs, in this order.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that a role needs and this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingProgram {
    /// By name, or its absolute path.
    pub program: String,
    /// The Debian packages that bring it, as the role names them; empty where it names none.
    pub package: String,
    /// The role that needs it.
    pub role: String,
    /// Whether servers get it from this machine, rather than having it.
    pub is_copied: bool,
}

impl fmt::Display for MissingProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role `{}` needs `{}`, which is not on this machine", self.role, self.program)?;
        match shipped::package(&self.program) {
            Some(folder) => return write!(f, ": make setup, or cargo install --path {folder}"),
            None if self.is_copied => return f.write_str(": put it beside `chimp`, or into a folder of PATH"),
            None => {}
        }
        if !self.package.is_empty() {
            write!(f, ": sudo apt-get install {}", self.package)?;
        }
        Ok(())
    }
}

/// The programs that the roles in use need and that are not on this machine.
pub fn missing_programs(infrastructure: &Infrastructure) -> Vec<MissingProgram> {
    infrastructure.roles.values().flat_map(missing_of).collect()
}

/// A program of this machine: beside the running one, where its workspace builds it, in PATH or among cargo's own.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let running = std::env::current_exe().ok();
    let beside = running.as_deref().and_then(Path::parent);
    // Test programs lie one folder deeper, in `deps`.
    let above = beside.filter(|folder| folder.ends_with("deps")).and_then(Path::parent);
    let home = std::env::home_dir().map(|home| home.join(".cargo/bin"));
    let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
    let folders =
        above.into_iter().chain(beside).map(Path::to_path_buf).chain(std::env::split_paths(&path)).chain(home);
    folders.map(|folder| folder.join(name)).find(|program| is_program(program))
}

/// The programs of this machine that servers of shipped roles get from it: where they are on a server, and where here.
///
/// # Errors
/// The first one that is not on this machine.
pub fn of_shipped_roles() -> Result<Vec<(PathBuf, PathBuf)>, MissingProgram> {
    let roles: Vec<Role> = shipped::names().filter_map(shipped::role).collect();
    let mut programs = BTreeMap::new();
    for role in &roles {
        if let Some(missing) = missing_of(role).find(|missing| missing.is_copied) {
            return Err(missing);
        }
        let named = role.files.iter().filter_map(|file| match &file.content {
            RoleContent::Program(name) => Some((file.path.clone(), find(name)?)),
            _ => None,
        });
        programs.extend(named);
    }
    Ok(programs.into_iter().collect())
}

fn is_program(path: &Path) -> bool {
    nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
}

/// The programs that a role needs and that are not on this machine.
pub fn missing_of(role: &Role) -> impl Iterator<Item = MissingProgram> {
    let copied = role.files.iter().filter_map(|file| match &file.content {
        RoleContent::Program(name) if find(name).is_none() => Some(name),
        _ => None,
    });
    let (package, name) = (String::new(), role.name.clone());
    let copied = copied.map(move |program| MissingProgram {
        program: program.clone(),
        package: package.clone(),
        role: name.clone(),
        is_copied: true,
    });
    copied.chain(missing_on_servers(role)).chain(supervisor(role))
}

/// Monit, where it supervises.
fn supervisor(role: &Role) -> Option<MissingProgram> {
    let program = monit::SERVICE;
    (role.monit && !is_here(role, program)).then(|| MissingProgram {
        program: program.into(),
        package: program.into(),
        role: role.name.clone(),
        is_copied: false,
    })
}

fn missing_on_servers(role: &Role) -> impl Iterator<Item = MissingProgram> {
    role.programs.iter().enumerate().filter(|(_, program)| !is_here(role, program)).map(|(index, program)| {
        // Lists of the same length are pairs.
        let paired = role.packages.get(index).filter(|_| role.packages.len() == role.programs.len());
        let package = paired.cloned().unwrap_or_else(|| role.packages.join(" "));
        MissingProgram { program: program.clone(), package, role: role.name.clone(), is_copied: false }
    })
}

fn is_here(role: &Role, program: &str) -> bool {
    let brought = role.files.iter().any(|file| file.path == Path::new(program));
    brought || PATH.split(':').any(|folder| is_program(&Path::new(folder).join(program)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;

    #[test]
    fn a_missing_program_is_named_with_its_package_and_role() {
        let mut draft = Draft::default();
        draft.tier(1, "webserver").unwrap();
        let mut site = draft.build().unwrap();
        let role = site.roles.get_mut("webserver").unwrap();
        role.programs = vec!["sh".into(), "no-such-program".into(), "/bin/sh".into(), "/no/such".into()];
        role.packages = ["dash", "nowhere", "dash", "nothing"].map(String::from).into();
        let missing: Vec<_> = missing_programs(&site).into_iter().map(|m| (m.program, m.package, m.role)).collect();
        let expected = [("no-such-program", "nowhere"), ("/no/such", "nothing")];
        assert_eq!(missing, expected.map(|(program, package)| (program.into(), package.into(), "webserver".into())));
    }
}
