//! A server as a cloud is asked for it: its user data as a `#cloud-config` document, services as units of systemd.
//!
//! What has no word there is put into those that it has: owners and what commands make become commands; programs of this
//! machine can't travel in a text, and are named at its head.

use std::fmt::Write;

use serde::Serialize;

use super::Role;
use crate::provider::{FileContent, FileSpec, ServiceSpec, UserData};

/// Where systemd looks for units of an administrator.
const UNITS: &str = "/etc/systemd/system";

#[derive(Serialize)]
struct Document<'a> {
    hostname: &'a str,
    packages: Vec<&'a str>,
    write_files: Vec<FileEntry<'a>>,
    runcmd: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct FileEntry<'a> {
    path: String,
    permissions: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Uri<'a>>,
}

#[derive(Serialize)]
struct Uri<'a> {
    uri: std::borrow::Cow<'a, str>,
}

/// The document of a server.
pub fn document(server: &str, role: &Role, data: &UserData) -> String {
    let mut packages: Vec<&str> = role.packages.iter().map(String::as_str).collect();
    packages.sort_unstable();
    packages.dedup();
    let units = data.services.iter().map(unit_file);
    let document = Document {
        hostname: server,
        packages,
        write_files: data.files.iter().filter_map(file).chain(units).collect(),
        runcmd: commands(data),
    };
    let body = serde_yaml::to_string(&document).expect("texts and lists can be written as YAML");
    format!("#cloud-config\n{}{body}", programs(data))
}

fn file(spec: &FileSpec) -> Option<FileEntry<'_>> {
    let (content, source) = match &spec.content {
        FileContent::Text(text) => (Some(text.clone()), None),
        FileContent::CopyOf(path) => (None, Some(Uri { uri: format!("file://{}", path.display()).into() })),
        FileContent::Program(_) | FileContent::MadeBy { .. } => return None,
    };
    let (path, permissions) = (spec.path.display().to_string(), format!("{:04o}", spec.mode));
    Some(FileEntry { path, permissions, content, source })
}

fn unit_file(service: &ServiceSpec) -> FileEntry<'_> {
    let path = format!("{UNITS}/{}.service", service.name);
    FileEntry { path, permissions: "0644".into(), content: Some(unit(service)), source: None }
}

/// One that dies stays dead, as everywhere.
fn unit(service: &ServiceSpec) -> String {
    let mut text = format!("[Unit]\nDescription={}\nAfter=network-online.target\n\n[Service]\n", service.name);
    for (name, value) in &service.environment {
        let _ = writeln!(text, "Environment={}", word(&format!("{name}={value}")).replace("$$", "$"));
    }
    if let Some(folder) = &service.working_directory {
        let _ = writeln!(text, "WorkingDirectory={}", folder.display());
    }
    let words: Vec<String> = service.command.iter().map(|argument| word(argument)).collect();
    let _ = writeln!(text, "ExecStart={}\nRestart=no\n\n[Install]\nWantedBy=multi-user.target", words.join(" "));
    text
}

/// A word of a command as systemd reads it: quoted where it must be, its own signs doubled.
fn word(text: &str) -> String {
    let doubled =
        text.replace('\\', r"\\").replace('%', "%%").replace('$', "$$").replace('"', "\\\"").replace('\n', "\\n");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+".contains(c);
    if text.chars().all(plain) && !text.is_empty() { doubled } else { format!("\"{doubled}\"") }
}

/// What commands make comes first, as if it had been written.
fn commands(data: &UserData) -> Vec<Vec<String>> {
    let made = data.files.iter().filter_map(|file| match &file.content {
        FileContent::MadeBy { command, .. } => Some(command.clone()),
        _ => None,
    });
    let services: Vec<String> = data.services.iter().map(|service| format!("{}.service", service.name)).collect();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
    let enable = [words(&["systemctl", "enable", "--now"]), services].concat();
    let start = [words(&["systemctl", "daemon-reload"]), enable];
    let run = data.run.iter().filter(|command| !command.iter().all(String::is_empty)).cloned();
    made.chain(run).chain(start.into_iter().filter(|_| !data.services.is_empty())).collect()
}

fn programs(data: &UserData) -> String {
    let programs = data.files.iter().filter_map(|file| match &file.content {
        FileContent::Program(program) => Some((file.path.display(), program.file_name()?.to_string_lossy())),
        _ => None,
    });
    programs
        .map(|(path, name)| format!("# The image has to bring {path}: {name}, a program of the harness's machine.\n"))
        .collect()
}
