//! The Rust sources of the project, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a folder, in the order of their names.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        match path {
            path if path.is_dir() => found.extend(sources(&path)),
            path if path.extension().is_some_and(|end| end == "rs") => found.push(path),
            _ => {}
        }
    }
    found
}
