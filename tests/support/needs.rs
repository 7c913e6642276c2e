//! What a test needs of the machine it runs on.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "trial.rs"]
pub mod trial;

/// What a test needs.
#[allow(dead_code, reason = "each test target uses a part")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Any machine will do.
    Nothing,
    /// Scenarios can run here, as `chimp doctor` sees it.
    Scenarios,
    /// These files are there, each brought by the command that follows it.
    Files(&'static [(&'static str, &'static str)]),
    /// It is asked for by this variable, which the command that follows sets: what it needs takes long to make.
    Asked(&'static str, &'static str),
    /// The user is root.
    Root,
    /// The user is root, and these programs are there, each brought by the Debian package that follows it.
    RootAnd(&'static [(&'static str, &'static str)]),
    /// The user is root, and these files are there, each brought by the command that follows it.
    RootAndFiles(&'static [(&'static str, &'static str)]),
    /// The same, for files that take so long to make that CI does without.
    RootAndSlowFiles(&'static [(&'static str, &'static str)]),
}

impl Needs {
    /// The trial of a test that has these needs.
    pub fn trial(
        self,
        arguments: &Arguments,
        name: &str,
        run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
    ) -> Trial {
        match self {
            Needs::Nothing => Trial::test(name, run),
            Needs::RootAndSlowFiles(_) | Needs::Asked(..) => {
                let quick = std::env::var_os("CHIMP_QUICK").is_some();
                trial::trial_where(false, quick, arguments, name, || self.missing(), run)
            }
            Needs::Files(_) => trial::trial(arguments, name, false, || self.missing(), run),
            _ => trial::trial(arguments, name, true, || self.missing(), run),
        }
    }

    /// Why the test can't run here.
    fn missing(self) -> Option<String> {
        let not_root = || (!nix::unistd::geteuid().is_root()).then(|| "needs root".to_string());
        match self {
            Needs::Nothing => None,
            Needs::Scenarios => doctor().clone(),
            Needs::Files(files) => absent(files),
            Needs::Asked(variable, command) => {
                std::env::var_os(variable).is_none().then(|| format!("is asked for by {variable}, as `{command}` does"))
            }
            Needs::RootAndFiles(files) | Needs::RootAndSlowFiles(files) => not_root().or_else(|| absent(files)),
            Needs::Root => not_root(),
            Needs::RootAnd(programs) => not_root().or_else(|| {
                let (program, package) = programs.iter().find(|(program, _)| !Path::new(program).exists())?;
                Some(format!("needs {program}, which is missing: apt-get install {package}"))
            }),
        }
    }
}

fn absent(files: &[(&str, &str)]) -> Option<String> {
    let (file, command) = files.iter().find(|(file, _)| !Path::new(file).exists())?;
    Some(format!("needs {file}, which is missing: {command}"))
}

/// What `chimp doctor` says is missing. It is asked once.
fn doctor() -> &'static Option<String> {
    static ASKED: OnceLock<Option<String>> = OnceLock::new();
    ASKED.get_or_init(|| {
        let doctor = Command::new(env!("CARGO_BIN_EXE_chimp")).arg("doctor").stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&doctor.stdout);
        let missing =
            said.lines().find_map(|line| line.strip_prefix("MISSING ")).unwrap_or("`chimp doctor` to succeed");
        (!doctor.status.success()).then(|| format!("needs {missing}"))
    })
}
