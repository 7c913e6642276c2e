//! User data, as a cloud passes it on to a server: a `#cloud-config` document, as cloud-init reads it.
//!
//! What is written here as commands of `systemctl` becomes services. What can't be carried out is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::unit::{self, UnitError};
use crate::instance::{FileContent, FileSpec, ServiceSpec, UserData};

/// The first line of a document.
const HEAD: &str = "#cloud-config";
/// Where units lie.
const UNITS: &str = "/etc/systemd/system";
/// Where the host key lies.
const HOST_KEY: &str = "/etc/ssh/host_key";
/// Where what is appended waits for it; gone at the next boot.
const APPENDED: &str = "/run/appended";
/// `$1`: what is appended, `$2`: to which file, `$3`: its permissions.
const APPEND: &str = r#"mkdir -p -- "${2%/*}/" && cat -- "$1" >>"$2" && chmod -- "$3" "$2""#;
/// Permissions where none are named.
const PERMISSIONS: u32 = 0o644;

/// Why user data can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDataError {
    #[error("it must begin with the line `{HEAD}`, and this is {0:?}")]
    Kind(String),
    #[error("{0}")]
    Form(String),
    #[error("{}: {detail}", .path.display())]
    File { path: PathBuf, detail: String },
    #[error("{}: {source}", .path.display())]
    Unit { path: PathBuf, source: UnitError },
    #[error("not in the image, which is this machine: {0}")]
    Packages(String),
    #[error("runcmd: `{0}`: of systemctl, `daemon-reload` and `enable --now UNIT.service` can be carried out")]
    Systemctl(String),
    #[error("runcmd: {0} is no unit of {UNITS} that write_files has")]
    NoUnit(String),
    #[error("runcmd: `{0}` follows a start of services, which are started after all commands")]
    Late(String),
    #[error("runcmd: a command is empty")]
    Empty,
}

/// What a document asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub hostname: Option<String>,
    pub authorized_keys: Vec<String>,
    pub data: UserData,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    hostname: Option<String>,
    /// Whatever it says, only a key opens `root`, who is the only user that there is.
    #[serde(default, rename = "disable_root")]
    _disable_root: bool,
    #[serde(default)]
    ssh_authorized_keys: Vec<String>,
    ssh_keys: Option<HostKeyForm>,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    write_files: Vec<FileForm>,
    #[serde(default)]
    runcmd: Vec<CommandForm>,
}

/// The only kind of host key that servers here have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostKeyForm {
    ed25519_private: String,
    #[serde(rename = "ed25519_public")]
    _ed25519_public: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    path: PathBuf,
    #[serde(default)]
    content: String,
    encoding: Option<String>,
    permissions: Option<Permissions>,
    owner: Option<String>,
    #[serde(default)]
    append: bool,
    #[serde(default, rename = "defer")]
    _defer: bool,
}

/// Octal digits. A plain `420` is a number, and which permissions it stands for depends on the reader.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "octal digits in quotes: `permissions: \"0644\"`")]
enum Permissions {
    Number(u64),
    Digits(String),
}

/// Without a shell, or for one.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a command: a list of texts, or one text for a shell")]
enum CommandForm {
    Words(Vec<String>),
    Line(String),
}

/// Reads user data; nothing asks for nothing. `is_installed` says whether the image has a package.
///
/// # Errors
/// Names what can't be carried out.
pub(super) fn read(text: &str, is_installed: impl Fn(&str) -> bool) -> Result<Asked, UserDataError> {
    if text.trim().is_empty() {
        return Ok(Asked::default());
    }
    let head = text.lines().next().unwrap_or_default();
    if head.trim_end() != HEAD {
        return Err(UserDataError::Kind(head.chars().take(60).collect()));
    }
    let form: Option<Form> = serde_yaml::from_str(text).map_err(|why| UserDataError::Form(why.to_string()))?;
    let form = form.unwrap_or_default();
    let missing: Vec<&str> = form.packages.iter().map(String::as_str).filter(|name| !is_installed(name)).collect();
    if !missing.is_empty() {
        return Err(UserDataError::Packages(missing.join(", ")));
    }
    let mut data = UserData::default();
    if let Some(key) = form.ssh_keys {
        let content = FileContent::Text(key.ed25519_private);
        data.files.push(FileSpec { path: HOST_KEY.into(), content, mode: 0o600 });
    }
    let mut units = BTreeMap::new();
    for file in &form.write_files {
        write(&mut data, file)?;
        if let Some(service) = service(file)? {
            units.insert(format!("{}.service", service.name), service);
        }
    }
    let mut started = BTreeSet::new();
    for command in form.runcmd {
        run(&mut data, command, &units, &mut started)?;
    }
    Ok(Asked { hostname: form.hostname, authorized_keys: form.ssh_authorized_keys, data })
}

/// Whether this machine has a package of Debian; where there is no `dpkg-query`, it has none.
pub(super) fn is_installed(package: &str) -> bool {
    let mut asking = Command::new("dpkg-query");
    asking.args(["-W", "-f", "${db:Status-Status}", "--", package]).stdin(Stdio::null());
    asking.output().is_ok_and(|output| output.stdout.starts_with(b"installed"))
}

/// A file, and the commands that make it what it should be.
fn write(data: &mut UserData, form: &FileForm) -> Result<(), UserDataError> {
    let wrong = |detail: String| UserDataError::File { path: form.path.clone(), detail };
    if !form.path.is_absolute() {
        return Err(wrong("the path must be absolute".into()));
    }
    let content = content(form).map_err(wrong)?;
    let mode = permissions(form).map_err(wrong)?;
    let path = form.path.display().to_string();
    if form.append {
        let waiting = Path::new(APPENDED).join(data.files.len().to_string());
        let words = ["sh", "-c", APPEND, "sh", &waiting.display().to_string(), &path, &format!("{mode:o}")];
        data.run.push(words.map(String::from).to_vec());
        data.files.push(FileSpec { path: waiting, content, mode: 0o600 });
    } else {
        data.files.push(FileSpec { path: form.path.clone(), content, mode });
    }
    if let Some(owner) = &form.owner {
        data.run.push(["chown", "--", owner, &path].map(String::from).to_vec());
    }
    Ok(())
}

fn content(form: &FileForm) -> Result<FileContent, String> {
    match form.encoding.as_deref() {
        None | Some("text/plain") => Ok(FileContent::Text(form.content.clone())),
        Some("b64" | "base64") => {
            let digits: String = form.content.split_ascii_whitespace().collect();
            let bytes = STANDARD.decode(digits).map_err(|why| format!("the content is not in base64: {why}"))?;
            Ok(String::from_utf8(bytes).map_or_else(|why| FileContent::Bytes(why.into_bytes()), FileContent::Text))
        }
        Some(other) => Err(format!("the encoding `{other}` is not understood: `b64` and `text/plain` are")),
    }
}

fn permissions(form: &FileForm) -> Result<u32, String> {
    let text = match &form.permissions {
        None => return Ok(PERMISSIONS),
        Some(Permissions::Digits(text)) => text,
        Some(Permissions::Number(number)) => return Err(format!("the permissions {number} are not in quotes")),
    };
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777 && !digits.starts_with('+'));
    mode.ok_or_else(|| format!("`{text}` are no permissions: octal digits are"))
}

/// The service that a file is the unit of.
fn service(form: &FileForm) -> Result<Option<ServiceSpec>, UserDataError> {
    let is_unit =
        form.path.parent() == Some(Path::new(UNITS)) && form.path.extension().is_some_and(|end| end == "service");
    let name = form.path.file_stem().and_then(|stem| stem.to_str());
    let (true, Some(name)) = (is_unit, name) else { return Ok(None) };
    let wrong = |detail: &str| UserDataError::File { path: form.path.clone(), detail: detail.into() };
    if form.append {
        return Err(wrong("a unit can't be appended to"));
    }
    match content(form) {
        Ok(FileContent::Text(text)) => {
            let read = unit::read(name, &text);
            read.map(Some).map_err(|source| UserDataError::Unit { path: form.path.clone(), source })
        }
        Ok(_) => Err(wrong("a unit is a text")),
        Err(why) => Err(wrong(&why)),
    }
}

/// A command, or the start of services.
fn run(
    data: &mut UserData,
    command: CommandForm,
    units: &BTreeMap<String, ServiceSpec>,
    started: &mut BTreeSet<String>,
) -> Result<(), UserDataError> {
    let (words, argv) = match command {
        CommandForm::Words(words) => (words.clone(), words),
        CommandForm::Line(line) => {
            let words = line.split_whitespace().map(String::from).collect();
            (words, vec!["sh".into(), "-c".into(), line.clone()])
        }
    };
    let shown = || words.join(" ");
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    match plain.as_slice() {
        [] | [""] => Err(UserDataError::Empty),
        ["systemctl", "daemon-reload"] => Ok(()),
        ["systemctl", "enable", "--now", names @ ..] if !names.is_empty() => names.iter().try_for_each(|name| {
            let service = units.get(*name).ok_or_else(|| UserDataError::NoUnit((*name).to_string()))?;
            if started.insert((*name).to_string()) {
                data.services.push(service.clone());
            }
            Ok(())
        }),
        ["systemctl", ..] => Err(UserDataError::Systemctl(shown())),
        _ if !started.is_empty() => Err(UserDataError::Late(shown())),
        _ => {
            data.run.push(argv);
            Ok(())
        }
    }
}

#[cfg(test)]
#[path = "user_data_tests.rs"]
mod tests;
