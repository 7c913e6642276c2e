//! A server as a cloud is asked for it: its user data as a `#cloud-config` document, services as units of systemd.
//!
//! What has no word there is put into those that it has: owners and what commands make become commands; programs of this
//! machine can't travel in a text, and are named at its head. Every scalar is quoted, or a block: cloud-init reads YAML 1.1,
//! to which a plain `on`, `0644` or `12:30` is no text. Lists that would be empty are left out, since none may be.

use std::fmt::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::document::DocumentError;
use crate::instance::{FileContent, FileSpec, ServiceSpec, UserData};
use crate::provider::key_pair::KeyPair;

/// Where systemd looks for units of an administrator.
const UNITS: &str = "/etc/systemd/system";

/// The keys of SSH that a server is made with.
#[derive(Debug, Clone, Copy)]
pub struct SshKeys<'k> {
    /// The public key, in OpenSSH's form, whose owner may log in as `root`.
    pub user: &'k str,
    /// Its host key.
    pub host: &'k KeyPair,
}

/// The document of a server with these packages of Debian and, if any are given, these keys.
///
/// # Errors
/// When a file of this machine can't be read that the server holds a copy of.
pub fn document(
    server: &str,
    packages: &[String],
    data: &UserData,
    ssh: Option<SshKeys<'_>>,
) -> Result<String, DocumentError> {
    let mut packages: Vec<String> = packages.iter().map(|package| quoted(package)).collect();
    packages.sort_unstable();
    packages.dedup();
    let files = data.files.iter().filter_map(|spec| file(spec).transpose());
    let files = files.chain(data.services.iter().map(|service| Ok(unit_file(service))));
    let commands = commands(data).into_iter().map(|command| {
        let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        format!("[{}]", words.join(", "))
    });
    let mut text = format!("#cloud-config\n{}hostname: {}\n", programs(data), quoted(server));
    if let Some(SshKeys { user, host }) = ssh {
        text.push_str("disable_root: false\n");
        list(&mut text, "ssh_authorized_keys", vec![quoted(user)]);
        let (private, public) = (block(host.private.reveal(), "    "), quoted(&host.public));
        let _ = writeln!(text, "ssh_keys:\n  ed25519_private: {private}\n  ed25519_public: {public}");
    }
    list(&mut text, "packages", packages);
    list(&mut text, "write_files", files.collect::<Result<Vec<_>, _>>()?);
    list(&mut text, "runcmd", commands.collect());
    Ok(text)
}

/// Nothing where there is nothing.
fn list(text: &mut String, key: &str, items: Vec<String>) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "{key}:");
    for item in items {
        let _ = writeln!(text, "- {item}");
    }
}

/// A text that YAML of any version reads as that very text.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a text can be written");
    let is_unprintable =
        |sign: char| matches!(sign, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'..='\u{ffff}');
    json.chars().fold(String::with_capacity(json.len()), |mut text, sign| {
        match is_unprintable(sign) && sign < '\u{fff0}' || matches!(sign, '\u{fffe}' | '\u{ffff}') {
            true => drop(write!(text, "\\u{:04x}", u32::from(sign))),
            false => text.push(sign),
        }
        text
    })
}

/// A text of several lines as a block, where one can hold it.
fn block(text: &str, indent: &str) -> String {
    let is_plain = |sign: char| sign == '\n' || sign == '\t' || (' '..='~').contains(&sign) || sign.is_alphanumeric();
    let body = text.trim_end_matches('\n');
    if body.is_empty() || body.starts_with([' ', '\t', '\n']) || !text.contains('\n') || !text.chars().all(is_plain) {
        return quoted(text);
    }
    let mark = match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    };
    let last = text.strip_suffix('\n').unwrap_or(text);
    let lines = last.split('\n').map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") });
    format!("{mark}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn entry(path: &Path, permissions: &str, content: &str, encoding: Option<&str>) -> String {
    let path = quoted(&path.display().to_string());
    let encoding = encoding.map(|encoding| format!("\n  encoding: {encoding}")).unwrap_or_default();
    format!("path: {path}\n  permissions: {}{encoding}\n  content: {content}", quoted(permissions))
}

fn file(spec: &FileSpec) -> Result<Option<String>, DocumentError> {
    let permissions = format!("{:04o}", spec.mode);
    let of_text = |text: &str| entry(&spec.path, &permissions, &block(text, "    "), None);
    let of_bytes = |bytes: &[u8]| entry(&spec.path, &permissions, &quoted(&STANDARD.encode(bytes)), Some("b64"));
    Ok(match &spec.content {
        FileContent::Text(text) => Some(of_text(text)),
        FileContent::Bytes(bytes) => Some(of_bytes(bytes)),
        FileContent::CopyOf(path) => {
            let bytes = std::fs::read(path).map_err(|why| unreadable(path, &why))?;
            Some(std::str::from_utf8(&bytes).map_or_else(|_| of_bytes(&bytes), of_text))
        }
        FileContent::Program(_) | FileContent::MadeBy { .. } => None,
    })
}

fn unreadable(path: &Path, why: &std::io::Error) -> DocumentError {
    DocumentError { file: Some(path.into()), ..DocumentError::new(format!("can't be read: {why}")) }
}

fn unit_file(service: &ServiceSpec) -> String {
    let path = format!("{UNITS}/{}.service", service.name);
    entry(Path::new(&path), "0644", &block(&unit(service), "    "), None)
}

/// One that ends is not started again, as everywhere.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_back(scalar: &str) -> String {
        let document = format!("- path: x\n  content: {scalar}\n");
        let read: Vec<std::collections::BTreeMap<String, String>> = serde_yaml::from_str(&document).expect(&document);
        read[0]["content"].clone()
    }

    #[test]
    fn a_block_holds_what_it_was_made_of_to_the_last_newline() {
        for text in
            ["a\nb", "a\nb\n", "a\nb\n\n\n", "a\n\n  b\n", "a \nb\t\n", "  a\nb\n", "\n\n", "a", "", "a\r\nb", "é\nü\n"]
        {
            assert_eq!(read_back(&block(text, "    ")), text, "{text:?}");
        }
        assert!(block("a\nb\n", "    ").starts_with("|\n    a"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_text_is_read_back_as_it_was(text in prop_oneof![any::<String>(), "[a-c \\t\\n:#\\-|>'\"&*!%@]{0,20}"]) {
            prop_assert_eq!(read_back(&quoted(&text)), text.clone());
            prop_assert_eq!(read_back(&block(&text, "    ")), text);
        }
    }
}
