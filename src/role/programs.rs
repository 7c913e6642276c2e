//! Whether the programs that roles need are on this machine.

use std::fmt;
use std::path::Path;

use super::Role;
use crate::infrastructure::Infrastructure;

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
}

impl fmt::Display for MissingProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role `{}` needs `{}`, which is not on this machine", self.role, self.program)?;
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

/// The programs that a role needs and that are not on this machine.
pub fn missing_of(role: &Role) -> impl Iterator<Item = MissingProgram> {
    role.programs.iter().enumerate().filter(|(_, program)| !is_here(role, program)).map(|(index, program)| {
        // Lists of the same length are pairs.
        let paired = role.packages.get(index).filter(|_| role.packages.len() == role.programs.len());
        let package = paired.cloned().unwrap_or_else(|| role.packages.join(" "));
        MissingProgram { program: program.clone(), package, role: role.name.clone() }
    })
}

fn is_here(role: &Role, program: &str) -> bool {
    let brought = role.files.iter().any(|file| file.path == Path::new(program));
    let found = |path: &Path| nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file();
    brought || PATH.split(':').any(|folder| found(&Path::new(folder).join(program)))
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
