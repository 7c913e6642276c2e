//! Files of a role file: what they hold, and who may do what with them, in cloud-config's words.
//!
//! What cloud-config has and a role has not is refused, not passed over: the file would be another one.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::file::{CommandForm, Reader, content_path, first_line};
use super::{RoleContent, RoleFile, shipped};
use crate::document::Checked;
use crate::document::yaml::{at, tag};

/// The tag of bytes in base64, in full: `!!binary`.
const BINARY: &str = "tag:yaml.org,2002:binary";
/// What may stand before a text all the same.
const TEXT: &str = "tag:yaml.org,2002:str";

#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a file: a map with `path` and one of `content`, `copy`, `program`, `made_by`"
)]
pub(super) struct FileForm {
    path: PathBuf,
    content: Option<String>,
    encoding: Option<String>,
    copy: Option<PathBuf>,
    program: Option<String>,
    made_by: Option<CommandForm>,
    #[serde(default)]
    made_from: Vec<PathBuf>,
    permissions: Option<Permissions>,
    owner: Option<String>,
    when: Option<String>,
    #[serde(default)]
    append: bool,
    #[serde(default)]
    defer: bool,
}

/// Permissions as they were written: octal digits, or what YAML takes for a number.
#[derive(Debug)]
enum Permissions {
    Digits(String),
    Number(u64),
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl Visitor<'_> for Form {
            type Value = Permissions;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("octal digits in quotes: `permissions: \"0644\"`")
            }

            fn visit_str<E: Error>(self, digits: &str) -> Result<Permissions, E> {
                Ok(Permissions::Digits(digits.into()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Permissions, E> {
                Ok(Permissions::Number(number))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl Reader<'_> {
    pub(super) fn file(&self, index: usize, form: &FileForm) -> Checked<RoleFile> {
        self.absolute(&at!["write_files", index, "path"], &form.path, "the file")?;
        let content = self.content(index, form)?;
        let usual = if matches!(content, RoleContent::Program(_) | RoleContent::MadeBy { .. }) { 0o755 } else { 0o644 };
        let mode = form.permissions.as_ref().map_or(Ok(usual), |form| self.mode(index, form))?;
        self.owner(index, form)?;
        let line = first_line(self.source, &content_path(index));
        let (path, owner, when) = (form.path.clone(), form.owner.clone(), form.when.clone());
        Ok(RoleFile { path, content, mode, owner, when, line })
    }

    fn content(&self, index: usize, form: &FileForm) -> Checked<RoleContent> {
        self.written_at_once(index, form)?;
        let made_from = || form.made_from.clone();
        match (&form.content, &form.copy, &form.program, &form.made_by) {
            (Some(content), None, None, None) => self.text(index, form, content),
            (None, Some(copy), None, None) => self.copied(index, copy),
            (None, None, Some(program), None) => Ok(RoleContent::Program(program.clone())),
            (None, None, None, Some(command)) => {
                let command = command.argv();
                self.command(&at!["write_files", index, "made_by"], &command, "`made_by`")?;
                Ok(RoleContent::MadeBy { command, from: made_from() })
            }
            _ => {
                let path = form.path.display();
                let detail = format!("the file `{path}` needs one of `content`, `copy`, `program` and `made_by`");
                let hint =
                    "`content` is a template, `copy` a file, `program` a program of this machine, `made_by` a command";
                self.error(&at!["write_files", index, "path"], detail, hint)
            }
        }
    }

    fn copied(&self, index: usize, copy: &Path) -> Checked<RoleContent> {
        let Some(folder) = self.folder else { return self.shipped(index, copy) };
        let path: PathBuf = folder.join(copy).components().collect();
        if path.is_file() {
            return Ok(RoleContent::Copy(path));
        }
        let detail = format!("there is no file `{}` to copy", path.display());
        self.error(&at!["write_files", index, "copy"], detail, "its path is relative to the role's file")
    }

    /// A shipped role copies what is part of the binary.
    fn shipped(&self, index: usize, copy: &Path) -> Checked<RoleContent> {
        match shipped::text(copy) {
            Some(text) => Ok(RoleContent::Text(text.into())),
            None => {
                let detail = format!("`{}` is not part of this program", copy.display());
                self.error(&at!["write_files", index, "copy"], detail, "add it to the table of shipped texts")
            }
        }
    }

    /// What a command reads must be written before it runs.
    pub(super) fn made_from(&self, files: &[RoleFile]) -> Checked<()> {
        for (index, file) in files.iter().enumerate() {
            let RoleContent::MadeBy { from, .. } = &file.content else { continue };
            let unwritten = |path: &&PathBuf| !files[..index].iter().any(|before| before.path == **path);
            if let Some(path) = from.iter().find(unwritten) {
                let detail = format!(
                    "`{}` is made from `{}`, which is not written before it",
                    file.path.display(),
                    path.display()
                );
                return self.error(
                    &at!["write_files", index, "made_from"],
                    detail,
                    "declare that file above, under `write_files`",
                );
            }
        }
        Ok(())
    }

    /// A template, or bytes as they are.
    fn text(&self, index: usize, form: &FileForm, content: &str) -> Checked<RoleContent> {
        let at = content_path(index);
        let tag = tag(&self.source.text, &at);
        match (tag.as_deref(), form.encoding.as_deref()) {
            (Some(BINARY), None) | (None | Some(TEXT), Some("b64" | "base64")) => self.bytes(index, content),
            (None | Some(TEXT), None | Some("text/plain")) => Ok(RoleContent::Template(content.into())),
            (Some(BINARY), Some(encoding)) => {
                let detail = format!("the content is `!!binary` and has the encoding `{encoding}` as well");
                self.error(&at!["write_files", index, "encoding"], detail, "leave one of the two out")
            }
            (_, Some(encoding)) => {
                let detail = format!("`{encoding}` is not an encoding that a role's file can have");
                let hint = "write `b64`, with the content in base64 and not compressed, or leave it out";
                self.error(&at!["write_files", index, "encoding"], detail, hint)
            }
            (Some(tag), None) => {
                let detail = format!("the content has the tag `{tag}`");
                self.error(&at, detail, "leave it out for a text; `!!binary` is for bytes in base64")
            }
        }
    }

    fn bytes(&self, index: usize, content: &str) -> Checked<RoleContent> {
        let digits: String = content.split_ascii_whitespace().collect();
        match STANDARD.decode(digits).map(String::from_utf8) {
            Ok(Ok(text)) => Ok(RoleContent::Text(text)),
            Ok(Err(bytes)) => Ok(RoleContent::Bytes(bytes.into_bytes())),
            Err(why) => {
                let detail = format!("the content is not in base64: {why}");
                self.error(&content_path(index), detail, "`base64 FILE` prints what belongs here")
            }
        }
    }

    /// Whether it says nothing that would make it another file than is written.
    fn written_at_once(&self, index: usize, form: &FileForm) -> Checked<()> {
        let path = form.path.display();
        if form.append {
            let detail = format!("`{path}` is to be appended to, but a role's files are written whole");
            let hint = "write the whole content; what is added to a file of the image belongs under `runcmd`";
            return self.error(&at!["write_files", index, "append"], detail, hint);
        }
        if form.defer {
            let detail = format!("`{path}` is to be deferred, but a role's files are written before anything runs");
            let hint = "leave it out: `owner` is set after `runcmd`, when the user that it names is there";
            return self.error(&at!["write_files", index, "defer"], detail, hint);
        }
        if form.encoding.is_some() && form.content.is_none() {
            let detail = format!("`{path}` has an encoding and no content");
            return self.error(&at!["write_files", index, "encoding"], detail, "leave it out");
        }
        Ok(())
    }

    fn owner(&self, index: usize, form: &FileForm) -> Checked<()> {
        let Some(owner) = &form.owner else { return Ok(()) };
        let named = |name: &str| {
            !name.is_empty()
                && !name.starts_with('-')
                && name.chars().all(|sign| sign.is_ascii_alphanumeric() || "._-$".contains(sign))
        };
        let (user, group) = owner.split_once(':').unwrap_or((owner, "root"));
        if named(user) && named(group) {
            return Ok(());
        }
        let hint = "write a user, or user and group: `owner: nobody` or `owner: nobody:nogroup`";
        self.error(&at!["write_files", index, "owner"], format!("`{owner}` is no owner"), hint)
    }

    fn mode(&self, index: usize, form: &Permissions) -> Checked<u32> {
        let at = at!["write_files", index, "permissions"];
        // A sign is none of the digits that may be here.
        let octal = |digits: &str| {
            let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777);
            mode.filter(|_| !digits.starts_with('+'))
        };
        match form {
            Permissions::Digits(digits) => match octal(digits.strip_prefix("0o").unwrap_or(digits)) {
                Some(mode) => Ok(mode),
                None => {
                    let hint = "write octal digits in quotes: `permissions: \"0644\"`";
                    self.error(&at, format!("`{digits}` are no permissions"), hint)
                }
            },
            Permissions::Number(0) => Ok(0),
            Permissions::Number(number) => {
                let written = self.source.word(&at);
                if let Some(mode) = written.strip_prefix("0o").and_then(octal) {
                    return Ok(mode);
                }
                let detail = format!(
                    "`permissions: {written}` is a decimal number for YAML: other tools make the mode {number:04o} of it"
                );
                let that_mode = format!("`permissions: \"{number:04o}\"` for that mode");
                let hint = match octal(&written) {
                    Some(mode) => format!("`permissions: \"{mode:04o}\"` for these digits, {that_mode}"),
                    None => that_mode,
                };
                self.error(&at, detail, format!("write octal digits in quotes: {hint}"))
            }
        }
    }
}
