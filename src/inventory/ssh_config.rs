//! OpenSSH's client configuration (`ssh_config(5)`), as far as an inventory honours it: `Host`, `HostName`, `Port`, `User`,
//! `IdentityFile`, `ProxyJump` and `Include`. As for ssh, the first value that applies wins.
//!
//! What would lead elsewhere and is not understood is an error: a `Match` block that sets one of these, other than
//! `Match all`, and a `ProxyCommand` in force. Every other keyword is passed over.

mod parse;

use std::path::{Path, PathBuf};

use crate::document::DocumentError;
use crate::provider::host_key::matches;

/// A file and what it includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshConfig {
    path: PathBuf,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// What follows applies to the hosts that these patterns name; `None`: to all.
    Block(Option<Vec<String>>),
    /// What follows applies to nothing: a `Match` block that sets nothing of interest.
    Skipped,
    Set(Setting, Located<String>),
    Include(Vec<SshConfig>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    HostName,
    Port,
    User,
    IdentityFile,
    ProxyJump,
    ProxyCommand,
}

/// A value and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value, as it was written.
    pub value: T,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// What applies to one host. Values are as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `HostName`.
    pub host_name: Option<Located<String>>,
    /// `Port`.
    pub port: Option<u16>,
    /// `User`.
    pub user: Option<Located<String>>,
    /// Every `IdentityFile`, in order.
    pub identity_files: Vec<Located<String>>,
    /// `ProxyJump`; `none` too.
    pub proxy_jump: Option<Located<String>>,
}

impl SshConfig {
    /// Reads a file and what it includes.
    ///
    /// # Errors
    /// The first mistake, with its file and line.
    pub fn read(path: &Path) -> Result<SshConfig, DocumentError> {
        parse::read(path, 0)
    }

    /// What applies to the host that is called `alias` on ssh's command line.
    ///
    /// # Errors
    /// A port that is no port, or a `ProxyCommand` in force.
    pub fn of(&self, alias: &str) -> Result<Options, DocumentError> {
        let mut options = Options::default();
        self.apply(alias, true, &mut options)?;
        Ok(options)
    }

    fn apply(&self, alias: &str, applies: bool, options: &mut Options) -> Result<(), DocumentError> {
        let mut active = applies;
        for item in &self.items {
            match item {
                Item::Block(patterns) => {
                    active = applies && patterns.as_ref().is_none_or(|patterns| names(patterns, alias));
                }
                Item::Skipped => active = false,
                Item::Set(setting, found) if active => options.set(*setting, found)?,
                Item::Set(..) => {}
                Item::Include(files) => {
                    for file in files {
                        file.apply(alias, active, options)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a pattern matches, and none of those after a `!`.
fn names(patterns: &[String], alias: &str) -> bool {
    let mut named = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), alias.as_bytes()) => return false,
            Some(_) => {}
            None => named |= matches(pattern.as_bytes(), alias.as_bytes()),
        }
    }
    named
}

impl Options {
    fn set(&mut self, setting: Setting, found: &Located<String>) -> Result<(), DocumentError> {
        match setting {
            Setting::HostName => first(&mut self.host_name, found),
            Setting::User => first(&mut self.user, found),
            Setting::ProxyJump => first(&mut self.proxy_jump, found),
            Setting::IdentityFile => self.identity_files.push(found.clone()),
            Setting::Port if self.port.is_none() => {
                let port = found.value.parse().ok().filter(|port| *port != 0);
                let refused =
                    || found.error(format!("`{}` is not a port", found.value), "write a number from 1 to 65535");
                self.port = Some(port.ok_or_else(refused)?);
            }
            Setting::Port => {}
            Setting::ProxyCommand if self.proxy_jump.is_none() => {
                if found.value != "none" {
                    let detail = "`ProxyCommand` is not supported, and applies to a host of the inventory";
                    let hint =
                        "write `ProxyJump`, or `jump:` beside the host in the inventory, and leave `ssh_config` out";
                    return Err(found.error(detail, hint));
                }
                // It rules out what follows, as for ssh.
                self.proxy_jump = Some(found.clone());
            }
            Setting::ProxyCommand => {}
        }
        Ok(())
    }
}

fn first(option: &mut Option<Located<String>>, found: &Located<String>) {
    option.get_or_insert_with(|| found.clone());
}

impl<T> Located<T> {
    /// An error about it.
    pub fn error(&self, detail: impl Into<String>, hint: impl Into<String>) -> DocumentError {
        DocumentError {
            file: Some(self.file.clone()),
            line: Some(self.line),
            hint: Some(hint.into()),
            ..DocumentError::new(detail)
        }
    }

    /// Where it was found, for people.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// What the tokens of a value stand for.
pub struct Tokens<'a> {
    /// `%n`: the host, as it was called.
    pub alias: &'a str,
    /// `%h`: its name or address.
    pub host: &'a str,
    /// `%p`: the port.
    pub port: u16,
    /// `%r`: who logs in.
    pub user: &'a str,
}

impl Located<String> {
    /// The value with its tokens filled in.
    ///
    /// # Errors
    /// A token that there is not, or that is not supported.
    pub fn expand(&self, tokens: &Tokens<'_>) -> Result<String, DocumentError> {
        let mut text = String::new();
        let mut rest = self.value.chars();
        while let Some(sign) = rest.next() {
            if sign != '%' {
                text.push(sign);
                continue;
            }
            match rest.next() {
                Some('%') => text.push('%'),
                Some('n') => text.push_str(tokens.alias),
                Some('h') => text.push_str(tokens.host),
                Some('p') => text.push_str(&tokens.port.to_string()),
                Some('r') => text.push_str(tokens.user),
                Some('d') => text.push_str(&home().display().to_string()),
                other => {
                    let token = other.map_or_else(|| "%".into(), |other| format!("%{other}"));
                    let detail = format!("the token `{token}` is not supported");
                    return Err(
                        self.error(detail, "write what it stands for; `%d`, `%h`, `%n`, `%p`, `%r` and `%%` are known")
                    );
                }
            }
        }
        Ok(text)
    }

    /// The file that the value names: `~` is the user's home, and a relative path starts in the working directory, as for ssh.
    ///
    /// # Errors
    /// As [`expand`](Self::expand)'s; or the value names a variable.
    pub fn path(&self, tokens: &Tokens<'_>) -> Result<PathBuf, DocumentError> {
        if self.value.contains("${") {
            let detail = format!("`{}` names a variable of the environment, which is not supported", self.value);
            return Err(self.error(detail, "write what it stands for"));
        }
        let text = self.expand(tokens)?;
        Ok(text.strip_prefix("~/").map_or_else(|| PathBuf::from(&text), |rest| home().join(rest)))
    }
}

/// The user's home.
fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"))
}

#[cfg(test)]
mod tests;
