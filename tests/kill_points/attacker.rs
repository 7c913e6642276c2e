//! An attacker as a process of its own, which is to die.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anarcho_chimp::journal::{self, Entry, Note, Stage};

use crate::host::MARK;
use crate::kept::{Kept, LOOK_EVERY, chimp};
use crate::point::{Death, Point};

/// An attacker that did not come to its end by then hangs.
const PATIENCE: Duration = Duration::from_secs(90);
/// Stages are waited for at this pace.
const PACE: Duration = Duration::from_millis(5);

/// A running `chimp attack fault`; killed when it is dropped.
pub struct Attacker {
    child: Child,
    pub out: PathBuf,
}

impl Attacker {
    /// Strikes `victim` as the point says; `lies` are planted.
    pub fn start(kept: &Kept, point: &Point, victim: &str, lies: &[&str], mark: &str) -> Result<Attacker, String> {
        let out = kept.folder.join(format!("point-{mark}"));
        fs::create_dir_all(&out).map_err(|why| why.to_string())?;
        let said = File::create(out.join("said.txt")).map_err(|why| why.to_string())?;
        let mut command = chimp();
        command.args(["attack", "fault", point.case.fault, "--server", victim, "--with", point.case.with]);
        command.args(["--seed", &point.number.to_string(), "--lease"]).arg(format!("{}ms", point.lease().as_millis()));
        command.arg("--testbed").arg(&kept.socket).arg("--out").arg(&out).env(MARK, mark);
        if point.case.lasts() {
            command.arg("--for").arg(format!("{}ms", point.lasts().as_millis()));
        }
        if point.case.fault == "partition" {
            command.args(["--from", if victim == "victim-1" { "victim-2" } else { "victim-1" }]);
        }
        if let Death::At(stage) = point.death {
            let stage = serde_json::to_value(stage).expect("plain data");
            command.args(["--die-at", stage.as_str().unwrap_or_default().replace('_', "-").as_str()]);
        }
        for lie in lies {
            command.args(["--lie", lie]);
        }
        command.stdout(said.try_clone().map_err(|why| why.to_string())?).stderr(said);
        let child = command.spawn().map_err(|why| why.to_string())?;
        Ok(Attacker { child, out })
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().map_err(|why| why.to_string())? {
                return Ok(status);
            }
            std::thread::sleep(PACE);
        }
        Err(format!("the attacker did not end within {PATIENCE:?}: {}", self.said()))
    }

    /// Waits until its journal says that a strike came this far.
    pub fn reached(&mut self, stage: Stage) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let reached = |entry: &Entry| matches!(entry.note, Note::Reached { stage: at, .. } if at >= stage);
            if entries(&self.out).iter().any(reached) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().map_err(|why| why.to_string())? {
                return Err(format!("the attacker ended with {status} before it was {stage:?}: {}", self.said()));
            }
            std::thread::sleep(PACE);
        }
        Err(format!("{stage:?} was not reached within {PATIENCE:?}: {}", self.said()))
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it printed.
    pub fn said(&self) -> String {
        fs::read_to_string(self.out.join("said.txt")).unwrap_or_default()
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether it was killed, by itself or by another.
pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

/// Everything in the journals of the bundles below a folder.
pub fn entries(out: &Path) -> Vec<Entry> {
    let Ok(bundles) = fs::read_dir(out) else { return Vec::new() };
    let bundles = bundles.flatten().map(|bundle| bundle.path()).filter(|path| path.is_dir());
    bundles.flat_map(|bundle| journal::read(&bundle).unwrap_or_default()).collect()
}

/// `chimp heal`, to its end: its exit code and what it said.
pub fn heal(out: &Path) -> Result<(Option<i32>, String), String> {
    let output = chimp().arg("heal").arg("--out").arg(out).output().map_err(|why| why.to_string())?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&said).into_owned()))
}

/// Looks again and again; `None`: not within this time.
pub fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + time;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
