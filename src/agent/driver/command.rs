//! What programs of the victim do, see and undo.
//!
//! For faults of another crate. The programs are the victim's own, also those of a container. Runs `make` once; it must end with 0. Witness: `see` ends with 0 where the effect is in force, and with 1
//! where it is not; anything else says nothing. Heal: `undo`, which may run more than once, and `see` then says that it is gone. None
//! has a shell around it, more than 10 s, or an environment but `PATH` and `LC_ALL=C`.

use std::io;
use std::time::Duration;

use serde_json::Value;

use super::{DriverError, EffectDriver, unfit};
use crate::agent::effect::Commands;
use crate::agent::prefork::{Ended, Preforked, exists_in};
use crate::agent::{Observation, contained};

/// How long each of them may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How much of what a program says is evidence, in characters.
const SAID: usize = 80;

/// See the module.
pub(super) struct Command {
    commands: Commands,
    /// What undoes it, forked while there is memory for that.
    undoer: Option<Preforked>,
}

impl Command {
    /// These.
    pub fn new(commands: &Commands) -> Self {
        Command { commands: commands.clone(), undoer: None }
    }
}

impl EffectDriver for Command {
    fn arm(&mut self) -> Result<Value, DriverError> {
        let Commands { make, see, undo } = &self.commands;
        let programs = [make, see, undo].map(|argv| argv.first().cloned().unwrap_or_default());
        if let Some(missing) = programs.iter().find(|program| !exists_in(contained::root(), program)) {
            return Err(unfit(&format!("the program `{missing}`"), "not there", "on the victim"));
        }
        if self.observe(None)?.in_force {
            return Err(unfit(&format!("what `{}` looks for", see.join(" ")), "there already", "not there"));
        }
        self.undoer = Some(prepare(undo).map_err(DriverError::at(&undo.join(" ")))?);
        Ok(Value::Null)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        let make = &self.commands.make;
        succeeded(make, run(make))
    }

    fn heal(&mut self, _undo_state: &Value) -> Result<(), DriverError> {
        let undo = &self.commands.undo;
        let undone = match self.undoer.take() {
            Some(prepared) => prepared.run(WITHIN),
            None => run(undo),
        };
        succeeded(undo, undone)?;
        let seen = self.observe(None)?;
        if seen.in_force { Err(DriverError::Left { what: seen.evidence }) } else { Ok(()) }
    }

    fn observe(&self, _undo_state: Option<&Value>) -> Result<Observation, DriverError> {
        let see = &self.commands.see;
        let ended = run(see).map_err(DriverError::at(&see.join(" ")))?;
        let in_force = match ended.status.code() {
            Some(0) => true,
            Some(1) => false,
            _ => return Err(refused(see, &ended)),
        };
        let said: String = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SAID).collect();
        let code = i32::from(!in_force);
        let evidence =
            format!("`{}` ended with {code}{}{said}", see.join(" "), if said.is_empty() { "" } else { ": " });
        Ok(Observation { in_force, evidence })
    }
}

/// With the victim's own files: those of the machine are none of a container's business.
fn prepare(argv: &[String]) -> io::Result<Preforked> {
    Preforked::prepare_in(contained::root(), argv)
}

fn run(argv: &[String]) -> io::Result<Ended> {
    prepare(argv)?.run(WITHIN)
}

fn succeeded(argv: &[String], ended: io::Result<Ended>) -> Result<(), DriverError> {
    let ended = ended.map_err(DriverError::at(&argv.join(" ")))?;
    if ended.status.success() { Ok(()) } else { Err(refused(argv, &ended)) }
}

fn refused(argv: &[String], ended: &Ended) -> DriverError {
    DriverError::Command {
        command: argv.join(" "),
        status: ended.status.to_string(),
        stderr: ended.stderr.trim().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    fn of_file(path: &str) -> Command {
        let [make, see, undo] = ["touch", "test -e", "rm -f"].map(|program| words(&format!("{program} {path}")));
        Command::new(&Commands { make, see, undo })
    }

    #[test]
    fn it_is_made_seen_and_undone_by_programs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("there").display().to_string();
        let mut command = of_file(&path);
        let undo_state = command.arm().unwrap();
        assert!(!command.observe(None).unwrap().in_force);
        command.inject().unwrap();
        let seen = command.observe(None).unwrap();
        assert_eq!((seen.in_force, seen.evidence), (true, format!("`test -e {path}` ended with 0")));
        assert!(of_file(&path).arm().unwrap_err().to_string().contains("is there already"));
        for _ in 0..2 {
            command.heal(&undo_state).unwrap();
            assert!(!command.observe(None).unwrap().in_force);
        }
    }

    #[test]
    fn what_fails_or_can_not_be_seen_or_undone_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("there").display().to_string();
        let with = |make: &str, see: &str, undo: &str| {
            let [make, see, undo] = [make, see, undo].map(|text| words(&text.replace("PATH", &path)));
            Command::new(&Commands { make, see, undo })
        };
        let missing = with("no-such-program", "test -e PATH", "rm -f PATH").arm().unwrap_err().to_string();
        assert!(missing.starts_with("the program `no-such-program` is not there"), "{missing}");
        let unseen = with("touch PATH", "ls -y", "rm -f PATH").arm().unwrap_err().to_string();
        assert!(unseen.starts_with("`ls -y` ended with exit status: 2: "), "{unseen}");
        let mut failing = with("ls PATH", "test -e PATH", "true");
        failing.arm().unwrap();
        assert!(failing.inject().unwrap_err().to_string().contains("No such file"));
        let mut stuck = with("touch PATH", "test -e PATH", "true");
        stuck.arm().unwrap();
        stuck.inject().unwrap();
        let left = stuck.heal(&Value::Null).unwrap_err().to_string();
        assert_eq!(left, format!("still there: `test -e {path}` ended with 0"));
    }
}
