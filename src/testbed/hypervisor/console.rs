//! What a server prints, as its console would have it: the lines of its boot, and the logs of its services.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::server::CloudServer;
use crate::document::names::is_name;

/// Of each log, this much of its end is shown, in bytes.
const TAIL: u64 = 64 << 10;
/// The log of boots.
const BOOT: &str = "boot.log";

/// Adds a line to the log of a server's boots.
///
/// # Errors
/// Those of the file system.
pub(super) fn note(logs: &Path, server: &CloudServer, what: &str) -> io::Result<()> {
    let folder = logs.join(&server.name);
    fs::create_dir_all(&folder)?;
    let mut log = File::options().create(true).append(true).open(folder.join(BOOT))?;
    writeln!(log, "{} at {}: {what}", server.hostname, server.address)
}

/// The end of every log of a server, that of its boots first.
///
/// # Errors
/// When there is no such server, or a log can't be read.
pub(super) fn read(logs: &Path, name: &str) -> Result<String, String> {
    let failed = |path: &Path, why: io::Error| format!("{}: {why}", path.display());
    if !is_name(name) {
        return Err(format!("`{name}` is not the name of a server"));
    }
    let folder = logs.join(name);
    let entries = fs::read_dir(&folder).map_err(|why| failed(&folder, why))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort_by_key(|path| (!path.ends_with(BOOT), path.clone()));
    let mut text = String::new();
    for path in &files {
        let end = end(path).map_err(|why| failed(path, why))?;
        if !end.is_empty() {
            let _ = write!(text, "[{}]\n{end}", path.file_stem().unwrap_or_default().to_string_lossy());
        }
    }
    Ok(text)
}

fn end(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
