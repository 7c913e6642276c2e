//! Turns a server's role into what its instance is made of.
//!
//! Strict: an unknown name is an error, never an empty text. Names are checked when the role is read, everything else
//! by [`check_templates`], which renders every server with imagined addresses before anything boots.

use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use sha2::{Digest, Sha256};

use super::context::Contexts;
use super::{Addresses, Role, RoleContent, RoleFile, RoleService, Secrets, context, file, monit, programs, shipped};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::yaml::{Source, Step, at, locate};
use crate::infrastructure::Infrastructure;
use crate::instance::{FileContent, FileSpec, ServiceSpec, UserData};
use crate::settings::Settings;

type Rendered<T> = Result<T, DocumentError>;

/// What the instance of `server` is made of: its role's files, commands and services, and `/etc/hosts`.
///
/// # Errors
/// A template that can't be rendered, with the role's file, line and column; a server that is not declared.
pub fn render(
    infrastructure: &Infrastructure,
    addresses: &Addresses,
    settings: &Settings,
    secrets: &Secrets,
    server: &str,
) -> Rendered<UserData> {
    let Some(declared) = infrastructure.servers.get(server) else {
        let known = infrastructure.servers.keys().map(String::as_str);
        let hint = one_of(server, "servers", known);
        return Err(DocumentError::new(format!("there is no server `{server}`")).with_hint(hint));
    };
    let contexts = Contexts::new(infrastructure, addresses, settings, secrets);
    render_one(&infrastructure.roles[&declared.role], addresses, contexts.of(server))
}

fn render_one(role: &Role, addresses: &Addresses, context: Value) -> Rendered<UserData> {
    let renderer = Renderer { role, environment: environment(), context };
    let hosts =
        FileSpec { path: PathBuf::from("/etc/hosts"), content: FileContent::Text(addresses.hosts_file()), mode: 0o644 };
    let mut files = vec![hosts];
    for (index, file) in renderer.role.files.iter().enumerate() {
        files.extend(renderer.file(index, file, &files)?);
    }
    let run = renderer.role.run.iter().enumerate();
    let run = run.map(|(index, command)| renderer.arguments(&at!["runcmd", index], command));
    let mut run = run.collect::<Rendered<Vec<_>>>()?;
    run.extend(renderer.owners(&files));
    let mut services = Vec::new();
    for (index, service) in renderer.role.services.iter().enumerate() {
        services.extend(renderer.service(index, service)?);
    }
    if role.monit {
        monit::add(role, &mut files, &mut services)?;
    }
    Ok(UserData { files, run, services, bare: false })
}

/// Renders every server with imagined addresses: what is wrong with a template is found before anything boots.
///
/// # Errors
/// As [`render`].
pub fn check_templates(infrastructure: &Infrastructure, settings: &Settings) -> Rendered<()> {
    let (addresses, secrets) = (Addresses::imagined(infrastructure), Secrets::imagined());
    let contexts = Contexts::new(infrastructure, &addresses, settings, &secrets);
    infrastructure.servers.values().try_for_each(|server| {
        render_one(&infrastructure.roles[&server.role], &addresses, contexts.of(&server.name)).map(drop)
    })
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("minijinja's own delimiters are valid"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(true);
    for (name, text) in shipped::PARTS {
        environment.add_template(name, text).expect("a test renders every shipped part");
    }
    environment
}

struct Renderer<'a> {
    role: &'a Role,
    environment: Environment<'static>,
    context: Value,
}

impl Renderer<'_> {
    /// `before` are the files that were rendered before it.
    fn file(&self, index: usize, file: &RoleFile, before: &[FileSpec]) -> Rendered<Option<FileSpec>> {
        if !self.holds(&at!["write_files", index, "when"], file.when.as_deref())? {
            return Ok(None);
        }
        let content = match &file.content {
            RoleContent::Copy(path) => FileContent::CopyOf(path.clone()),
            RoleContent::Text(text) => FileContent::Text(text.clone()),
            RoleContent::Bytes(bytes) => FileContent::Bytes(bytes.clone()),
            RoleContent::Template(template) => FileContent::Text(self.text(&file::content_path(index), template)?),
            // One that is not there is told before anything boots.
            RoleContent::Program(name) => FileContent::Program(programs::find(name).unwrap_or_else(|| name.into())),
            RoleContent::MadeBy { command, from } => {
                let command = self.arguments(&at!["write_files", index, "made_by"], command)?;
                let key = key(&command, before.iter().filter(|file| from.contains(&file.path)));
                FileContent::MadeBy { command, key }
            }
        };
        Ok(Some(FileSpec { path: file.path.clone(), content, mode: file.mode }))
    }

    /// The commands that give files to their owners, of those that were rendered.
    fn owners(&self, rendered: &[FileSpec]) -> Vec<Vec<String>> {
        let is_there = |file: &&RoleFile| rendered.iter().any(|other| other.path == file.path);
        let files = self.role.files.iter().filter(is_there);
        let path = |file: &RoleFile| file.path.display().to_string();
        files
            .filter_map(|file| Some(["chown", "-R", file.owner.as_ref()?, &path(file)].map(String::from).to_vec()))
            .collect()
    }

    fn service(&self, index: usize, service: &RoleService) -> Rendered<Option<ServiceSpec>> {
        if !self.holds(&at!["services", index, "when"], service.when.as_deref())? {
            return Ok(None);
        }
        let value = |(name, value): (&String, &String)| {
            let at = at!["services", index, "environment", name.as_str()];
            Ok((name.clone(), self.text(&at, value)?))
        };
        Ok(Some(ServiceSpec {
            name: service.name.clone(),
            command: self.arguments(&at!["services", index, "command"], &service.command)?,
            environment: service.environment.iter().map(value).collect::<Rendered<_>>()?,
            working_directory: service.working_directory.clone(),
        }))
    }

    fn arguments(&self, path: &[Step], arguments: &[String]) -> Rendered<Vec<String>> {
        let argument = |(index, argument): (usize, &String)| {
            let path: Vec<Step> = path.iter().cloned().chain([Step::Index(index)]).collect();
            self.text(&path, argument)
        };
        arguments.iter().enumerate().map(argument).collect()
    }

    fn text(&self, path: &[Step], template: &str) -> Rendered<String> {
        let rendered = self.environment.render_str(template, self.context.clone());
        rendered.map_err(|why| self.explained(path, template, &why))
    }

    fn holds(&self, path: &[Step], when: Option<&str>) -> Rendered<bool> {
        let Some(when) = when else { return Ok(true) };
        let compiled = self.environment.compile_expression(when);
        let why = match compiled.and_then(|expression| expression.eval(self.context.clone())) {
            Ok(value) if !value.is_undefined() => return Ok(value.is_true()),
            Ok(_) => minijinja::Error::new(ErrorKind::UndefinedError, format!("`{when}`")),
            Err(why) => why,
        };
        Err(self.explained(path, when, &why))
    }

    fn explained(&self, path: &[Step], template: &str, why: &minijinja::Error) -> DocumentError {
        match source_of(self.role) {
            Ok(source) => {
                let told = explain(&source, path, template, why);
                match self.known_fields(why) {
                    Some(hint) => told.with_hint(hint),
                    None => told,
                }
            }
            Err(unreadable) => unreadable,
        }
    }

    /// For "`server.adress` is undefined": the nearest field of `server`.
    fn known_fields(&self, why: &minijinja::Error) -> Option<String> {
        let missing = why.detail().filter(|_| why.kind() == ErrorKind::UndefinedError)?.split('`').nth(1)?;
        let (parent, field) = missing.rsplit_once('.')?;
        let value = self.environment.compile_expression_owned(parent).ok()?.eval(self.context.clone()).ok()?;
        if value.is_none() {
            return Some(format!("here is no `{parent}`: ask first, `{{% if {parent} %}} … {{% endif %}}`"));
        }
        let keys: Vec<String> = value.try_iter().ok()?.map(|key| key.to_string()).collect();
        (value.kind() == ValueKind::Map)
            .then(|| one_of(field, &format!("fields of `{parent}`"), keys.iter().map(String::as_str)))
    }
}

/// What tells two things apart that commands make: the command, and what it reads.
fn key<'f>(command: &[String], read: impl Iterator<Item = &'f FileSpec>) -> String {
    let read: Vec<&FileSpec> = read.collect();
    let all = serde_json::to_vec(&(command, read)).expect("commands and files are plain data");
    Sha256::digest(all).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A role's text, read again: only errors need it.
fn source_of(role: &Role) -> Rendered<Source> {
    match (&role.source, shipped::named(&role.name)) {
        (Some(path), _) => Source::read(path),
        (None, Some(shipped)) => Ok(shipped.source()),
        (None, None) => Ok(Source { path: Path::new(&role.name).into(), text: String::new() }),
    }
}

/// Checks the syntax of every template of a role, and that it speaks only of names that exist.
pub(super) fn check_names(role: &Role, source: &Source) -> Rendered<()> {
    let environment = environment();
    for (path, text, is_expression) in templates(role) {
        if let Some(at) = if is_expression { (text.len() > LONGEST).then_some(0) } else { long_expression(text) } {
            let detail = format!("an expression of more than {LONGEST} bytes");
            let hint = "close it with `}}` or `%}`, or write several shorter ones".into();
            return Err(error_at(source, &path, text, Some(at), detail, Some(hint)));
        }
        let (unknown, text) = if is_expression {
            let compiled = environment.compile_expression(text).map_err(|why| explain(source, &path, text, &why))?;
            (compiled.undeclared_variables(false), text)
        } else {
            let compiled = environment.template_from_str(text).map_err(|why| explain(source, &path, text, &why))?;
            (compiled.undeclared_variables(false), text)
        };
        let mut unknown: Vec<&String> = unknown.iter().filter(|name| !is_known(&environment, name)).collect();
        unknown.sort_by_key(|name| word_in(text, name));
        if let Some(name) = unknown.first() {
            let detail = format!("there is no `{name}` in a role's templates");
            let hint = one_of(name, "names", context::NAMES.iter().copied());
            return Err(error_at(source, &path, text, word_in(text, name), detail, Some(hint)));
        }
    }
    Ok(())
}

/// An expression of a template is at most so long, in bytes. The parser takes a piece of the stack for each operator.
const LONGEST: usize = 1_000;

/// Where the first expression or statement that is too long starts.
fn long_expression(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find("{{").into_iter().chain(text[at..].find("{%")).min().map(|next| at + next) {
        let end = if text[start..].starts_with("{{") { "}}" } else { "%}" };
        let length = text[start..].find(end).unwrap_or(text.len() - start);
        if length > LONGEST {
            return Some(start);
        }
        at = start + length.max(2);
    }
    None
}

/// Where a word stands by itself, not as a part of another or as a field.
fn word_in(text: &str, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let alone = |offset: &usize| {
        let (before, after) = (&text[..*offset], &text[offset + word.len()..]);
        !before.ends_with(part) && !after.starts_with(|c: char| part(c) && c != '.')
    };
    text.match_indices(word).map(|(offset, _)| offset).find(alone)
}

fn is_known(environment: &Environment, name: &str) -> bool {
    context::NAMES.contains(&name) || environment.globals().any(|(global, _)| global == name)
}

/// Every template of a role, where it is, and whether it is an expression (`when`).
fn templates(role: &Role) -> Vec<(Vec<Step>, &str, bool)> {
    let mut all: Vec<(Vec<Step>, &str, bool)> = Vec::new();
    for (index, file) in role.files.iter().enumerate() {
        all.extend(file.when.iter().map(|when| (at!["write_files", index, "when"].to_vec(), when.as_str(), true)));
        match &file.content {
            RoleContent::Template(text) => all.push((file::content_path(index).to_vec(), text, false)),
            RoleContent::MadeBy { command, .. } => {
                let at = |n| at!["write_files", index, "made_by", n].to_vec();
                all.extend(command.iter().enumerate().map(|(n, text)| (at(n), text.as_str(), false)));
            }
            RoleContent::Text(_) | RoleContent::Bytes(_) | RoleContent::Copy(_) | RoleContent::Program(_) => {}
        }
    }
    for (index, command) in role.run.iter().enumerate() {
        all.extend(
            command.iter().enumerate().map(|(n, text)| (at!["runcmd", index, n].to_vec(), text.as_str(), false)),
        );
    }
    for (index, service) in role.services.iter().enumerate() {
        let at = |rest: &[Step]| [&at!["services", index][..], rest].concat();
        all.extend(service.when.iter().map(|when| (at(&at!["when"]), when.as_str(), true)));
        all.extend(service.command.iter().enumerate().map(|(n, text)| (at(&at!["command", n]), text.as_str(), false)));
        let value = |(name, text): (&'_ String, _)| (at(&at!["environment", name.as_str()]), text, false);
        all.extend(service.environment.iter().map(|(name, text)| value((name, text.as_str()))));
    }
    all
}

/// minijinja's error with the place in the role's file.
fn explain(source: &Source, path: &[Step], template: &str, why: &minijinja::Error) -> DocumentError {
    let range = why.range().filter(|range| template.get(range.clone()).is_some_and(|text| !text.is_empty()));
    let offset = range.as_ref().map(|range| range.start).or_else(|| line_start(template, why.line()?));
    let found = range.and_then(|range| template.get(range)).map(|text| format!("`{}`", text.trim()));
    let told = why.detail().map(str::to_string);
    // An undefined value is named in the detail; of other errors the detail names no place.
    let parts = if why.kind() == ErrorKind::UndefinedError { [told.or(found), None] } else { [told, found] };
    let detail = ["template".to_string(), why.kind().to_string()].into_iter().chain(parts.into_iter().flatten());
    let detail = detail.collect::<Vec<_>>().join(": ");
    error_at(source, path, template, offset, detail, Some(hint(why)))
}

fn hint(why: &minijinja::Error) -> String {
    match why.kind() {
        ErrorKind::UndefinedError => {
            "what templates can speak of is listed in the documentation of roles; `is defined` asks first".into()
        }
        ErrorKind::SyntaxError => "templates are minijinja: `{{ value }}`, `{% if … %} … {% endif %}`".into(),
        _ => "correct the template".into(),
    }
}

fn line_start(template: &str, line: usize) -> Option<usize> {
    template.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum::<usize>().into()
}

/// An error `offset` bytes into the template at `path`.
fn error_at(
    source: &Source,
    path: &[Step],
    template: &str,
    offset: Option<usize>,
    detail: String,
    hint: Option<String>,
) -> DocumentError {
    let before = template.get(..offset.unwrap_or(0)).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = file::first_line(source, path) + before.matches('\n').count();
    let written = source.text.lines().nth(line - 1).unwrap_or_default();
    let wanted = template[start..].lines().next().unwrap_or_default();
    // A block is indented in the file; a quoted text begins somewhere in its line.
    let column = match written.find(wanted) {
        Some(indent) => written[..indent].chars().count() + before[start..].chars().count() + 1,
        None => locate(&source.text, path).map_or(1, |(_, column)| column),
    };
    DocumentError { file: Some(source.path.clone()), line: Some(line), column: Some(column), detail, hint }
}
