//! Infrastructure files: YAML, plain maps, unknown fields refused.
//!
//! ```yaml
//! servers:                                   # at least one; `name` and `role` are needed
//!   - { name: lb, role: webhaproxy, count: 2 }     # lb-1 and lb-2
//!   - { name: web-1, role: shop, zone: a, tags: [blue], boot_delay: 3 min, configure_delay: 1 min, aliases: [shop] }
//!   - { name: web-9, role: shop, spare: true }     # one more than is needed; linked by nobody until it takes a place
//! links:                                     # who talks to whom; a name with a count is all its servers
//!   - { from: lb, to: web-1 }
//! virtual_ips:                               # addresses shared by keepalived; the first holder is preferred. With
//!                                            # `floating_ip: true` the environment leads it, and the failover moves it
//!   - { name: www, holders: [lb] }
//! entry: { host: www, port: 80 }             # default: the only virtual IP or server, and its role's port
//! roles: { shop: ./shop.yaml }               # your own roles, relative to this file
//! databases: …                               # who replicates from whom: see `databases`
//! ```
//! A file whose name ends in `.json` is a list of names and types instead: see [`super::list`].
//!
//! The order of entries means nothing. Every mistake is one error with file, line, column and a hint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::declaration::{InfrastructureDeclaration, resolve};
use super::{Infrastructure, list};
use crate::document::DocumentError;
use crate::document::names::{RULE, is_name};
use crate::document::yaml::{PathSegment, Source, at};
use crate::role::{self, Role, shipped};

/// Reads and checks an infrastructure file and the roles it names.
///
/// # Errors
/// The first mistake, in this order: the form, the roles, then what [`super::declaration`] lists.
pub fn read(path: &Path) -> Result<Infrastructure, DocumentError> {
    let source = Source::read(path)?;
    if path.extension().is_some_and(|extension| extension == "json") {
        return list::read(&source);
    }
    let declaration: InfrastructureDeclaration = source.parse()?;
    let own = own_roles(&declaration, &source)?;
    resolve(&declaration, &own, Some(&source))
}

fn own_roles(
    declaration: &InfrastructureDeclaration,
    source: &Source,
) -> Result<BTreeMap<String, Role>, DocumentError> {
    let mut own = BTreeMap::new();
    for (name, file) in &declaration.roles {
        let name = name.as_str().unwrap_or_default();
        let here = [PathSegment::from("roles"), PathSegment::KeyOf(name.into())];
        if !is_name(name) {
            return Err(source.error(&here, format!("`{name}` can't be a role's name"), Some(RULE.into())));
        }
        if shipped::names().any(|shipped| shipped == name) {
            let hint = format!("name it differently; it may still answer to the noun: `noun: {name}`");
            return Err(source.error(&here, format!("`{name}` is the name of a shipped role"), Some(hint)));
        }
        let file = file.as_str().unwrap_or_default();
        let path: PathBuf = source.path.parent().unwrap_or(Path::new("")).join(file).components().collect();
        if file.is_empty() || !path.is_file() {
            let detail = format!("the role `{name}` should be in `{file}`, but there is no file {}", path.display());
            let hint = "a role's file is named by its path relative to this file: `shop: ./shop.yaml`".into();
            return Err(source.error(&at!["roles", name], detail, Some(hint)));
        }
        own.insert(name.to_string(), role::file::read(name, &path)?);
    }
    Ok(own)
}
