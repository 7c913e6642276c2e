//! Turns a server's role into what its instance is made of.
//!
//! Strict: an unknown name is an error, never an empty text. Names are checked when the role is read, everything else
//! by [`check_templates`], which renders every server with imagined addresses before anything boots.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, Value};
use sha2::{Digest, Sha256};

use super::context::Contexts;
use super::secrets::AskedFor;
use super::{Addresses, Secrets, monit, programs, puppet};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::yaml::{PathSegment, Source, at};
use crate::infrastructure::{Infrastructure, PUPPET_SERVER};
use crate::instance::{FileContent, FileSpec, ServiceSpec, UserData};
use crate::role::templates::{environment, explain};
use crate::role::{Role, RoleContent, RoleFile, RoleService, file, shipped};
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
    let contexts = Contexts::new(infrastructure, addresses, settings, Value::from_object(secrets.clone()));
    let made_of = |name: &str| {
        render_one(&infrastructure.roles[&infrastructure.servers[name].role], addresses, contexts.of(name))
    };
    let mut data = made_of(&declared.name)?;
    if settings.config_agent.is_puppet() && server == PUPPET_SERVER {
        data.files.extend(puppet::files(infrastructure, made_of)?);
    }
    Ok(data)
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
    Ok(UserData { files, run, services, unconfigured: false })
}

/// Renders every server with imagined addresses: what is wrong with a template is found before anything boots.
///
/// # Errors
/// As [`render`].
pub fn check_templates(infrastructure: &Infrastructure, settings: &Settings) -> Rendered<()> {
    secrets_asked_for(infrastructure, settings).map(drop)
}

/// The names of the secrets that the servers' templates ask for.
///
/// # Errors
/// As [`render`].
pub fn secrets_asked_for(infrastructure: &Infrastructure, settings: &Settings) -> Rendered<BTreeSet<String>> {
    let (addresses, asked) = (Addresses::imagined(infrastructure), Arc::new(AskedFor::default()));
    let contexts = Contexts::new(infrastructure, &addresses, settings, Value::from_dyn_object(Arc::clone(&asked)));
    for server in infrastructure.servers.values() {
        render_one(&infrastructure.roles[&server.role], &addresses, contexts.of(&server.name))?;
    }
    Ok(asked.names())
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

    fn arguments(&self, path: &[PathSegment], arguments: &[String]) -> Rendered<Vec<String>> {
        let argument = |(index, argument): (usize, &String)| {
            let path: Vec<PathSegment> = path.iter().cloned().chain([PathSegment::Index(index)]).collect();
            self.text(&path, argument)
        };
        arguments.iter().enumerate().map(argument).collect()
    }

    fn text(&self, path: &[PathSegment], template: &str) -> Rendered<String> {
        let rendered = self.environment.render_str(template, self.context.clone());
        rendered.map_err(|why| self.explained(path, template, &why))
    }

    fn holds(&self, path: &[PathSegment], when: Option<&str>) -> Rendered<bool> {
        let Some(when) = when else { return Ok(true) };
        let compiled = self.environment.compile_expression(when);
        let why = match compiled.and_then(|expression| expression.eval(self.context.clone())) {
            Ok(value) if !value.is_undefined() => return Ok(value.is_true()),
            Ok(_) => minijinja::Error::new(ErrorKind::UndefinedError, format!("`{when}`")),
            Err(why) => why,
        };
        Err(self.explained(path, when, &why))
    }

    fn explained(&self, path: &[PathSegment], template: &str, why: &minijinja::Error) -> DocumentError {
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
            return Some(format!("there is no `{parent}` here: ask first, `{{% if {parent} %}} … {{% endif %}}`"));
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
