//! The site as Puppet's server compiles it: a class for each role, a node for each server, and the files that no manifest can hold.
//!
//! A class says in which order things come: folders, files, commands, the reload of changed files, services. A node says what
//! differs between servers of a role: contents, commands, how services start. Commands run while a server is unconfigured, and
//! never again; a service is started whenever its process is not there. What a role's server had from its image stays out.
//!
//! Every word of a command is a word in a list, which Puppet runs without a shell; every text is in single quotes ([`quoted`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use self::quoted::{hash, list, quoted};
use crate::document::DocumentError;
use crate::infrastructure::{Infrastructure, PUPPET_SERVER};
use crate::instance::{FileContent, FileSpec, UserData};
use crate::launch;
use crate::role::Role;

mod class;
mod quoted;

/// Where Debian's Puppet server looks for what it compiles.
const ENVIRONMENT: &str = "/etc/puppet/code/environments/production";
/// The module whose files are handed out as they are.
const MODULE: &str = "chimp";

/// A server with its role, and what it is made of.
pub(super) struct Node<'a> {
    pub name: &'a str,
    pub role: &'a Role,
    pub data: UserData,
}

/// The files of the Puppet server that say what all others are; `made_of` says what a server is made of.
///
/// # Errors
/// Those of the roles' templates.
pub(super) fn files(
    infrastructure: &Infrastructure,
    made_of: impl Fn(&str) -> Result<UserData, DocumentError>,
) -> Result<Vec<FileSpec>, DocumentError> {
    let others = infrastructure.in_order().into_iter().filter(|server| server.name != PUPPET_SERVER);
    let nodes = others.map(|server| {
        let mut data = made_of(&server.name)?;
        data.files.retain(|file| !file.content.is_of_image());
        data.run.retain(|command| !command.iter().all(String::is_empty));
        Ok(Node { name: &server.name, role: &infrastructure.roles[&server.role], data })
    });
    let nodes = nodes.collect::<Result<Vec<_>, DocumentError>>()?;
    let manifest = FileContent::Text(manifest(&nodes));
    let manifest = FileSpec { path: Path::new(ENVIRONMENT).join("manifests/site.pp"), content: manifest, mode: 0o644 };
    let sources = nodes.iter().flat_map(|node| node.data.files.iter().filter_map(source));
    let sources: BTreeMap<PathBuf, FileContent> = sources.collect();
    let sources = sources.into_iter().map(|(path, content)| FileSpec { path, content, mode: 0o644 });
    Ok([manifest].into_iter().chain(sources).collect())
}

fn manifest(nodes: &[Node<'_>]) -> String {
    let roles: BTreeSet<&str> = nodes.iter().map(|node| node.role.name.as_str()).collect();
    let classes = roles.into_iter().map(|role| {
        let servers: Vec<&Node<'_>> = nodes.iter().filter(|node| node.role.name == role).collect();
        class::class(&servers)
    });
    let head = "# Each role is a class, each server a node.\n".to_string();
    let parts: Vec<String> = [head].into_iter().chain(classes).chain(nodes.iter().map(node)).collect();
    parts.join("\n")
}

fn node(node: &Node<'_>) -> String {
    let texts = node.data.files.iter().filter_map(|file| Some((file.path.display().to_string(), quoted(text(file)?))));
    let sources = node.data.files.iter().filter_map(|file| {
        let name = source(file)?.0.file_name()?.to_string_lossy().into_owned();
        Some((file.path.display().to_string(), quoted(&format!("puppet:///modules/{MODULE}/{name}"))))
    });
    let services = node.data.services.iter().map(|service| (service.name.clone(), list(&launch::command(service))));
    let run: Vec<String> = node.data.run.iter().map(|command| format!("\n      {},", list(command))).collect();
    let run = if run.is_empty() { "[]".into() } else { format!("[{}\n    ]", run.concat()) };
    format!(
        "node {} {{\n  class {{ {}:\n    content  => {},\n    source   => {},\n    run      => {run},\n    services => {},\n  }}\n}}\n",
        quoted(node.name),
        quoted(&class_name(node.role)),
        hash(texts),
        hash(sources),
        hash(services),
    )
}

/// A class can have no hyphens in its name, and a role no underscores.
fn class_name(role: &Role) -> String {
    format!("role_{}", role.name.replace('-', "_"))
}

/// What stands in the manifest itself. A text of Puppet's can't hold the sign 0.
fn text(file: &FileSpec) -> Option<&str> {
    match &file.content {
        FileContent::Text(text) if !text.contains('\0') => Some(text),
        _ => None,
    }
}

/// What is handed out by the Puppet server as it is: by which name, and where it comes from.
fn source(file: &FileSpec) -> Option<(PathBuf, FileContent)> {
    let known_by = match &file.content {
        FileContent::Text(text) if text.contains('\0') => Sha256::digest(text),
        FileContent::Bytes(bytes) => Sha256::digest(bytes),
        FileContent::CopyOf(path) => Sha256::digest(path.as_os_str().as_encoded_bytes()),
        FileContent::Text(_) | FileContent::Program(_) | FileContent::MadeBy { .. } => return None,
    };
    let name: String = known_by.iter().map(|byte| format!("{byte:02x}")).collect();
    Some((Path::new(ENVIRONMENT).join("modules").join(MODULE).join("files").join(name), file.content.clone()))
}

#[cfg(test)]
mod tests;
