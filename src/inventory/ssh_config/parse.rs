//! Lines of `ssh_config(5)`: a keyword, then words, which may be quoted.

use std::path::{Path, PathBuf};

use super::{Item, Located, Setting, SshConfig, home};
use crate::document::DocumentError;
use crate::provider::host_key::matches;
use crate::text;

/// How deep files may include others; as for ssh.
const DEPTH: usize = 16;

/// Reads a file that `depth` others include.
///
/// # Errors
/// The first mistake, with its file and line.
pub(super) fn read(path: &Path, depth: usize) -> Result<SshConfig, DocumentError> {
    let text = text::read(path).map_err(|why| DocumentError::unreadable(path, &why))?;
    let mut reader = Reader { path, depth, matched: None, items: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        reader.line(index + 1, line)?;
    }
    Ok(SshConfig { path: path.into(), items: reader.items })
}

struct Reader<'a> {
    path: &'a Path,
    depth: usize,
    /// The line of a `Match` that is not understood, while its block lasts.
    matched: Option<usize>,
    items: Vec<Item>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), DocumentError> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let end = line.find(|sign: char| sign.is_whitespace() || sign == '=').unwrap_or(line.len());
        let (keyword, rest) = line.split_at(end);
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
        let found = |value: String| Located { value, file: self.path.into(), line: number };
        let words = words(rest).ok_or_else(|| found(String::new()).error("a quote is not closed", "close it"))?;
        let first = || {
            let missing = || found(String::new()).error(format!("`{keyword}` has no value"), "write one behind it");
            words.first().cloned().map(found).ok_or_else(missing)
        };
        let setting = match keyword.to_ascii_lowercase().as_str() {
            "host" => {
                first()?;
                self.matched = None;
                self.items.push(Item::Block(Some(words)));
                return Ok(());
            }
            "match" => {
                first()?;
                let is_all = words.len() == 1 && words[0].eq_ignore_ascii_case("all");
                self.matched = (!is_all).then_some(number);
                self.items.push(if is_all { Item::Block(None) } else { Item::Skipped });
                return Ok(());
            }
            "include" => {
                first()?;
                self.is_understood(keyword, number)?;
                let included = self.include(&words, number)?;
                self.items.push(Item::Include(included));
                return Ok(());
            }
            "hostname" => Setting::HostName,
            "port" => Setting::Port,
            "user" => Setting::User,
            "identityfile" => Setting::IdentityFile,
            "proxyjump" => Setting::ProxyJump,
            "proxycommand" => Setting::ProxyCommand,
            _ => return Ok(()),
        };
        let found = first()?;
        self.is_understood(keyword, number)?;
        self.items.push(Item::Set(setting, found));
        Ok(())
    }

    /// Not within a `Match` block: nothing says whether it applies.
    fn is_understood(&self, keyword: &str, line: usize) -> Result<(), DocumentError> {
        let Some(matched) = self.matched else { return Ok(()) };
        let found = Located { value: (), file: self.path.into(), line };
        let detail =
            format!("`{keyword}` stands in the `Match` block of line {matched}, and only `Match all` is understood");
        Err(found.error(detail, "write the block with `Host`, or name another file with `ssh_config`"))
    }

    fn include(&self, named: &[String], line: usize) -> Result<Vec<SshConfig>, DocumentError> {
        let found = Located { value: (), file: self.path.into(), line };
        if self.depth == DEPTH {
            return Err(found.error(format!("files include each other more than {DEPTH} deep"), "leave this line out"));
        }
        let mut files = Vec::new();
        for name in named {
            let path = match name.strip_prefix("~/") {
                Some(rest) => home().join(rest),
                // As for ssh: an absolute path stays what it is.
                None if self.path.starts_with("/etc/ssh") => Path::new("/etc/ssh").join(name),
                None => home().join(".ssh").join(name),
            };
            files.extend(glob(&path));
        }
        files.iter().map(|file| read(file, self.depth + 1)).collect()
    }
}

/// The files that a path with `*` and `?` names, in order.
fn glob(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        let pattern = part.as_os_str().to_string_lossy();
        if !pattern.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let entries = |folder: &PathBuf| -> Vec<PathBuf> {
            let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
            let is_meant = |name: &std::ffi::OsString| {
                let name = name.to_string_lossy();
                matches(pattern.as_bytes(), name.as_bytes()) && (!name.starts_with('.') || pattern.starts_with('.'))
            };
            let mut paths: Vec<PathBuf> = names.filter(is_meant).map(|name| folder.join(name)).collect();
            paths.sort();
            paths
        };
        found = found.iter().flat_map(entries).collect();
    }
    found.retain(|path| path.is_file());
    found
}

/// The words of a line. Quotes hold a word together, a backslash keeps a quote from doing so, and a comment ends the line.
/// `None` where a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut signs = text.chars().peekable();
    loop {
        while signs.next_if(|sign| sign.is_whitespace()).is_some() {}
        if signs.peek().is_none_or(|sign| *sign == '#') {
            return Some(words);
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(sign) = signs.next_if(|sign| quote.is_some() || !sign.is_whitespace()) {
            match sign {
                '\\' if signs.peek().is_some_and(|next| matches!(next, '"' | '\'' | '\\')) => word.extend(signs.next()),
                '\\' if quote.is_none() && signs.peek() == Some(&' ') => word.extend(signs.next()),
                '"' | '\'' if quote == Some(sign) => quote = None,
                '"' | '\'' if quote.is_none() => quote = Some(sign),
                sign => word.push(sign),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}
