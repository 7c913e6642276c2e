//! Entries into containers that are broken off, as when a run gives up waiting for a command: nothing of them stays.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::chimp;
use crate::{Project, docker, until};

/// How many entries are broken off, each some milliseconds later after its start than the one before.
const MOMENTS: u32 = 20;
const APART: Duration = Duration::from_millis(3);
/// No other process has these arguments.
const COMMAND: [&str; 2] = ["sleep", "1013"];

/// A container as an entry names it.
struct Entered {
    id: String,
    pid: String,
    started: String,
}

impl Entered {
    fn of(name: &str) -> Entered {
        let (id, pid) =
            (docker(&["inspect", "-f", "{{.Id}}", name]), docker(&["inspect", "-f", "{{.State.Pid}}", name]));
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // What follows the name, which may have blanks, begins with the third field; the start is the 22nd.
        let started = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_string();
        Entered { id, pid, started }
    }

    fn enter(&self) -> Child {
        let words = ["__enter", &self.id, &self.pid, &self.started, COMMAND[0], COMMAND[1]];
        chimp(&words).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// The processes of entries into it, and their commands.
    fn processes(&self) -> Vec<String> {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let lines = all.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
        let lines = lines.map(|line| line.trim_end_matches('\0').replace('\0', " "));
        lines.filter(|line| line.contains(&format!("__enter {}", self.id)) || *line == COMMAND.join(" ")).collect()
    }

    fn runs(&self, count: usize) -> bool {
        self.processes().iter().filter(|line| **line == COMMAND.join(" ")).count() == count
    }

    fn is_free(&self) -> bool {
        let folder = format!("/proc/{}/root/dev/.anarcho-chimp", self.pid);
        Path::new(&folder).symlink_metadata().is_err() && self.processes().is_empty()
    }
}

fn broken_off(mut entry: Child) {
    entry.kill().unwrap();
    entry.wait().unwrap();
}

pub fn an_entry_that_is_broken_off_leaves_nothing() {
    let _project = Project::up("web");
    let container = Entered::of("web_web_1");
    let (first, second) = (container.enter(), container.enter());
    until("both commands run", || container.runs(2));
    broken_off(first);
    until("its command is gone", || container.runs(1));
    assert!(!container.is_free(), "the other one is there still");
    broken_off(second);
    until("nothing is left", || container.is_free());
    for moment in 0..MOMENTS {
        let entry = container.enter();
        std::thread::sleep(APART * moment);
        broken_off(entry);
        until(&format!("nothing is left of one that was broken off after {:?}", APART * moment), || {
            container.is_free()
        });
    }
}
