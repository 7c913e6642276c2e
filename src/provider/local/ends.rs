//! Ends of an instance's services: noted by its first process, which reaps them, and read by the harness.
//!
//! `<service>.end` lies beside the file that says which process a service is. Whatever starts a service again writes that
//! file anew, then removes the note.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::instance::{HowEnded, ServiceSpec};
use crate::launch::{SERVICES, process_file};

/// A service's end, as its instance knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// Which process it was, as the instance counts.
    pub pid: i32,
    pub how: HowEnded,
    #[serde(with = "crate::units::duration")]
    pub after: Duration,
    /// Whether what it started goes on.
    pub left: bool,
}

/// What the first process keeps in mind of its services' ends.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Those that left something behind, by service.
    leaving: Vec<(String, End)>,
}

impl Ends {
    /// Notes the end of a process, if it was a service. Nothing that fails here may hurt the instance: an end that was not
    /// noted is seen when the server is not ready in time.
    pub fn note(&mut self, pid: i32, how: HowEnded, logins: &[i32]) {
        let Some((service, started)) = service_of(pid) else { return };
        let end = End { pid, how, after: started.elapsed().unwrap_or_default(), left: leaves(pid, logins) };
        let _ = write(&service, &end);
        if end.left {
            self.leaving.push((service, end));
        }
    }

    /// Looks again at what was left behind, after something ended.
    pub fn look_again(&mut self, logins: &[i32]) {
        self.leaving.retain_mut(|(service, end)| {
            if read_pid(&process_file(service)) != Some(end.pid) {
                return false;
            }
            if !leaves(end.pid, logins) {
                end.left = false;
                let _ = write(service, end);
            }
            end.left
        });
    }
}

/// The service that this process is, and when it was started.
fn service_of(pid: i32) -> Option<(String, std::time::SystemTime)> {
    fs::read_dir(SERVICES).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        let service = path.file_name()?.to_str()?.strip_suffix(".pid")?.to_string();
        (read_pid(&path)? == pid).then_some(())?;
        Some((service, entry.metadata().ok()?.modified().ok()?))
    })
}

fn read_pid(file: &Path) -> Option<i32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Whether anything that this service started goes on: a process of its session, or one that was left to the first process
/// and is neither a service nor a login.
fn leaves(service: i32, logins: &[i32]) -> bool {
    let services: BTreeSet<i32> = fs::read_dir(SERVICES)
        .map(|entries| entries.flatten().filter_map(|entry| read_pid(&entry.path())).collect())
        .unwrap_or_default();
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).any(|pid| {
        let Some(Kin { parent, session }) = Kin::of(pid) else { return false };
        let orphan = parent == 1 && !services.contains(&pid) && !logins.contains(&pid);
        pid != 1 && pid != service && (session == service || orphan)
    })
}

struct Kin {
    parent: i32,
    session: i32,
}

impl Kin {
    /// `None` when the process is gone.
    fn of(pid: i32) -> Option<Kin> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut words = stat.rsplit_once(") ")?.1.split(' ');
        let state = words.next()?;
        let (parent, _group, session) = (words.next()?, words.next()?, words.next()?);
        (state != "Z").then_some(())?;
        Some(Kin { parent: parent.parse().ok()?, session: session.parse().ok()? })
    }
}

fn end_file(service: &str) -> PathBuf {
    process_file(service).with_extension("end")
}

/// Beside, then renamed: no reader ever sees half of it. A service that was started again meanwhile leaves none.
fn write(service: &str, end: &End) -> io::Result<()> {
    let (file, new) = (end_file(service), process_file(service).with_extension("end.new"));
    fs::write(&new, serde_json::to_vec(end)?)?;
    fs::rename(new, &file)?;
    match read_pid(&process_file(service)) == Some(end.pid) {
        true => Ok(()),
        false => fs::remove_file(file),
    }
}

/// The services that ended and were not started again, read from outside by the instance's first process.
pub(super) fn read(first_process: i32, services: &[ServiceSpec]) -> Vec<(String, End)> {
    let root = PathBuf::from(format!("/proc/{first_process}/root"));
    let within = |path: PathBuf| root.join(path.strip_prefix("/").unwrap_or(&path));
    let ended = |service: &ServiceSpec| {
        let end: End = serde_json::from_slice(&fs::read(within(end_file(&service.name))).ok()?).ok()?;
        let now = read_pid(&within(process_file(&service.name)))?;
        (now == end.pid).then(|| (service.name.clone(), end))
    };
    services.iter().filter_map(ended).collect()
}
