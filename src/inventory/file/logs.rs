//! The logs that a host declares.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Reader;
use crate::agent::follow::MOST_LOGS;
use crate::document::Checked;
use crate::document::yaml::at;

impl Reader<'_> {
    /// Paths of files, each absolute and with a file name of its own: the bundle has them by that.
    pub(super) fn logs(&self, index: usize, declared: &[PathBuf]) -> Checked<Vec<PathBuf>> {
        let mut names: BTreeMap<&OsStr, &Path> = BTreeMap::new();
        for (place, path) in declared.iter().enumerate() {
            let (at, shown) = (at!["hosts", index, "logs", place], path.display());
            if !path.is_absolute() {
                let hint = "write the whole path of the file on that host: `logs: [/var/log/haproxy.log]`";
                return self.error(&at, format!("`logs`: {shown} is not absolute"), hint);
            }
            let is_plain = !path.as_os_str().to_string_lossy().contains(char::is_control);
            let name = path.file_name().filter(|_| is_plain && !path.as_os_str().to_string_lossy().ends_with('/'));
            let Some(name) = name else {
                let detail = format!("`logs`: {:?} is not the path of a file", path.as_os_str());
                return self.error(&at, detail, "name each file: `logs: [/var/log/haproxy.log]`");
            };
            match names.insert(name, path) {
                Some(other) if other == path => {
                    return self.error(&at, format!("`logs`: {shown} is declared twice"), "leave one of them out");
                }
                Some(other) => {
                    let detail = format!("`logs`: {shown} has the file name of {}", other.display());
                    let hint = "leave one of them out: the bundle has a server's logs by their file names";
                    return self.error(&at, detail, hint);
                }
                None => {}
            }
        }
        if declared.len() > MOST_LOGS {
            let detail = format!("`logs`: {} files are too many: {MOST_LOGS} at most", declared.len());
            return self.error(&at!["hosts", index, "logs"], detail, "leave out what tells least");
        }
        Ok(declared.to_vec())
    }
}
