//! What is kept of each point, and the table that is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One line of the file of points.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    pub seed: u64,
    pub number: usize,
    pub fault: String,
    pub end: String,
    pub path_cut: bool,
    pub healed: bool,
    /// `None`: it was never clean.
    pub clean_ms: Option<u64>,
    /// What was wrong.
    pub why: Option<String>,
}

/// The file of points, written to as they are done.
pub struct Lines {
    path: PathBuf,
    file: Mutex<File>,
}

impl Lines {
    /// Begins it, or goes on with the one that is there.
    pub fn open(path: &Path) -> io::Result<Lines> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Lines { path: path.into(), file: Mutex::new(file) })
    }

    pub fn write(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text)
    }

    /// Those of a seed, each once; a line that was torn is none.
    pub fn of(&self, seed: u64) -> io::Result<BTreeMap<usize, Line>> {
        let text = fs::read_to_string(&self.path)?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        Ok(lines.filter(|line| line.seed == seed).map(|line| (line.number, line)).collect())
    }
}

/// Fault × end: how many points, how long the longest took until it was clean, how many were red.
pub fn table<'a>(lines: impl Iterator<Item = &'a Line> + Clone) -> String {
    let ends: BTreeSet<&str> = lines.clone().map(|line| line.end.as_str()).collect();
    let faults: BTreeSet<&str> = lines.clone().map(|line| line.fault.as_str()).collect();
    let mut ends: Vec<&str> = ends.into_iter().collect();
    ends.sort_by_key(|end| ORDER.iter().position(|known| known == end));
    let mut text = format!("| fault | {} |\n|---|{}\n", ends.join(" | "), "---|".repeat(ends.len()));
    for fault in faults {
        let cell = |end: &&str| cell(lines.clone().filter(|line| line.fault == fault && line.end == **end));
        text.push_str(&format!("| {fault} | {} |\n", ends.iter().map(cell).collect::<Vec<_>>().join(" | ")));
    }
    text
}

const ORDER: [&str; 9] =
    ["journalled", "armed", "injected", "witnessed", "confirmed", "path lost", "healing", "healed", "at random"];

fn cell<'a>(lines: impl Iterator<Item = &'a Line>) -> String {
    let lines: Vec<&Line> = lines.collect();
    let worst = lines.iter().filter_map(|line| line.clean_ms).max();
    let red = lines.iter().filter(|line| line.why.is_some()).count();
    let red = if red > 0 { format!(", **{red} red**") } else { String::new() };
    match (lines.len(), worst) {
        (0, _) => "–".into(),
        (points, Some(worst)) => format!("{points} ≤ {:.1} s{red}", worst as f64 / 1e3),
        (points, None) => format!("{points}{red}"),
    }
}
