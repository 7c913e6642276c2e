//! Canonical text of what an attack could leave on the machine that it is run from.

use std::collections::BTreeMap;
use std::fs;

use crate::{network, proc};

/// The variable by which the processes of a point are found again.
pub const MARK: &str = "CHIMP_KILL_POINT";

/// One look at the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(BTreeMap<&'static str, String>);

impl Host {
    pub fn take() -> Host {
        let mut sections: BTreeMap<&'static str, String> = network::sections(None).into_iter().collect();
        sections.insert("mounts", proc::text("/proc/self/mounts"));
        sections.insert("named network namespaces", names("/run/netns", |_| true));
        // A testbed of somebody's may come and go meanwhile.
        sections.insert("state of strikes", names("/run/anarcho-chimp", |name| name != "testbed.sock"));
        sections.insert("files on the disk", names("/var/tmp", |name| name.starts_with(".anarcho-chimp-")));
        Host(sections)
    }

    /// What differs, by the names of its parts.
    pub fn differs(&self, later: &Host) -> Option<String> {
        let changed = |(name, text): (&&'static str, &String)| {
            let now = later.0.get(name).cloned().unwrap_or_default();
            (now != *text).then(|| format!("{name} of the machine:\n--- before\n{text}--- after\n{now}"))
        };
        let told: Vec<String> = self.0.iter().filter_map(changed).collect();
        (!told.is_empty()).then(|| told.concat())
    }
}

/// Processes of a point that are still there.
pub fn strays(mark: &str) -> Vec<String> {
    proc::with_environment(&format!("{MARK}={mark}"))
}

fn names(folder: &str, wanted: fn(&str) -> bool) -> String {
    let Ok(entries) = fs::read_dir(folder) else { return String::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| wanted(name))
        .collect();
    names.sort();
    names.join("\n")
}
