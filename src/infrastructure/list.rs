//! Descriptions as the paper's: a JSON list of the instances that should be, each with its type.
//!
//! ```json
//! [ { "name": "lb-1", "type": "webhaproxy" },
//!   { "name": "web-1", "type": "webserver", "zone": "a" },
//!   { "name": "web-2", "type": "webserver", "spare": true } ]
//! ```
//! A type is a shipped role. What a list does not say is as `Given … behind haproxy` has it: balancers are linked with
//! every server that is neither a balancer nor a spare, two or more of them share the virtual IP `www`, and users enter
//! there. A server with `links` says itself whom it is linked with, and then all do. The schema and an example lie in
//! `fixtures/reconciler/`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Infrastructure;
use super::declaration::{EntryPoint, InfrastructureDeclaration, LinkEntry, ServerEntry, VirtualIpEntry, resolve};
use super::tiers::VIRTUAL_IP;
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::names::{RULE, is_name};
use crate::document::words::plain;
use crate::document::yaml::{Source, at, form_hint};
use crate::role::shipped;
use crate::units::duration;

/// A whole small description, for errors.
const EXAMPLE: &str = r#"[ { "name": "web-1", "type": "webserver" } ]"#;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an instance: an object with `name` and `type`")]
struct Item {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    zone: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, with = "duration")]
    boot_delay: Duration,
    #[serde(default)]
    spare: bool,
    links: Option<Vec<String>>,
}

/// Reads a description.
///
/// # Errors
/// The first mistake, with file, line and hint: not JSON, not a list, an unknown field, a name that is bad or given
/// twice, an unknown type, a link to nobody; then what [`super::declaration`] lists.
pub(super) fn read(source: &Source) -> Result<Infrastructure, DocumentError> {
    let items = parse(source)?;
    check(source, &items)?;
    resolve(&declaration(&items), &BTreeMap::new(), None)
        .map(|built| Infrastructure { source: Some(source.path.clone()), ..built })
        .map_err(|why| placed(why, source, &items))
}

/// What is found wrong later is about an instance that it names first: its place.
fn placed(why: DocumentError, source: &Source, items: &[Item]) -> DocumentError {
    let named = why.detail.split('`').nth(1).unwrap_or_default();
    match items.iter().position(|item| item.name == named) {
        Some(index) => source.error(&at![index, "name"], why.detail, why.hint),
        None => DocumentError { file: Some(source.path.clone()), ..why },
    }
}

fn parse(source: &Source) -> Result<Vec<Item>, DocumentError> {
    if source.text.trim().is_empty() {
        return Err(source.error(&[], "the file is empty", Some(format!("write a list of instances: {EXAMPLE}"))));
    }
    let located = |why: serde_json::Error| {
        let shown = why.to_string();
        let detail = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(detail, _)| detail);
        let (detail, hint) = match why.is_data() {
            true => (plain(detail), form_hint(detail).unwrap_or_else(|| format!("the form is {EXAMPLE}"))),
            false if detail == "trailing comma" => {
                (format!("this is not JSON: {detail}"), "leave out the comma after the last one".to_string())
            }
            false => {
                let hint =
                    format!("look for a bracket, a quote or a comma just before this place; the form is {EXAMPLE}");
                (format!("this is not JSON: {detail}"), hint)
            }
        };
        let (line, column) = (Some(why.line()), Some(why.column()));
        DocumentError { file: Some(source.path.clone()), line, column, hint: Some(hint), ..DocumentError::new(detail) }
    };
    let whole: serde_json::Value = serde_json::from_str(&source.text).map_err(located)?;
    if !whole.is_array() {
        let hint = format!("write a list of instances: {EXAMPLE}");
        return Err(source.error(&[], "a description is a JSON list", Some(hint)));
    }
    serde_json::from_str(&source.text).map_err(located)
}

fn check(source: &Source, items: &[Item]) -> Result<(), DocumentError> {
    if items.is_empty() {
        let hint = format!("declare at least one: {EXAMPLE}");
        return Err(source.error(&[], "the list declares no instance", Some(hint)));
    }
    for (index, item) in items.iter().enumerate() {
        let Item { name, kind, .. } = item;
        if !is_name(name) {
            let detail = format!("`{name}` can't be an instance's name");
            return Err(source.error(&at![index, "name"], detail, Some(RULE.into())));
        }
        if items[..index].iter().any(|other| other.name == *name) {
            let hint = "every instance needs a name of its own".into();
            return Err(source.error(&at![index, "name"], format!("the name `{name}` is given twice"), Some(hint)));
        }
        if shipped::role(kind).is_none() {
            let hint = one_of(kind, "types", shipped::names().map(|name| name as &str));
            return Err(source.error(&at![index, "type"], format!("unknown type `{kind}`"), Some(hint)));
        }
        for (place, to) in item.links.iter().flatten().enumerate() {
            if !items.iter().any(|other| other.name == *to) {
                let hint = one_of(to, "instances", items.iter().map(|other| other.name.as_str()));
                let detail = format!("`{name}` is linked with `{to}`, but there is no instance `{to}`");
                return Err(source.error(&at![index, "links", place], detail, Some(hint)));
            }
        }
    }
    Ok(())
}

fn declaration(items: &[Item]) -> InfrastructureDeclaration {
    let is_balancer = |item: &Item| shipped::role(&item.kind).is_some_and(|role| role.stats_socket.is_some());
    let balancers: Vec<&Item> = items.iter().filter(|item| is_balancer(item)).collect();
    let link = |from: &Item, to: &str| LinkEntry { from: from.name.clone(), to: to.into() };
    let links = match items.iter().any(|item| item.links.is_some()) {
        true => items.iter().flat_map(|item| item.links.iter().flatten().map(|to| link(item, to))).collect(),
        false => {
            let behind = |item: &&Item| !is_balancer(item) && !item.spare;
            let to_all = |from: &&Item| {
                let from = link(from, "").from;
                items
                    .iter()
                    .filter(behind)
                    .map(move |to| LinkEntry { from: from.clone(), to: to.name.clone() })
                    .collect::<Vec<_>>()
            };
            balancers.iter().flat_map(to_all).collect()
        }
    };
    let holders: Vec<String> = balancers.iter().map(|item| item.name.clone()).collect();
    let first = holders.first().or(items.first().map(|item| &item.name)).cloned();
    let shared = holders.len() > 1;
    let host = if shared { Some(VIRTUAL_IP.to_string()) } else { first };
    InfrastructureDeclaration {
        servers: items.iter().map(server).collect(),
        links,
        virtual_ips: shared
            .then(|| VirtualIpEntry { name: VIRTUAL_IP.into(), holders, floating_ip: false })
            .into_iter()
            .collect(),
        entry: host.map(|host| EntryPoint { host, port: None }),
        ..InfrastructureDeclaration::default()
    }
}

fn server(item: &Item) -> ServerEntry {
    ServerEntry {
        name: item.name.clone(),
        role: item.kind.clone(),
        zone: item.zone.clone(),
        tags: item.tags.clone(),
        boot_delay: item.boot_delay,
        spare: item.spare,
        ..ServerEntry::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::infrastructure::file;

    fn told(text: &str) -> String {
        read(&Source { path: "site.json".into(), text: text.into() }).unwrap_err().to_string()
    }

    #[test]
    fn a_list_of_names_and_types_is_a_site_behind_haproxy() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reconciler/site.json");
        let site = file::read(&path).unwrap();
        let links: Vec<String> = site.links.iter().map(|(from, to)| format!("{from} {to}")).collect();
        assert_eq!(links, ["lb-1 web-1", "lb-1 web-2", "lb-1 web-3", "lb-2 web-1", "lb-2 web-2", "lb-2 web-3"]);
        assert_eq!(site.virtual_ips[0].holders, ["lb-1", "lb-2"]);
        assert_eq!((site.entry.host.as_str(), site.entry.port), ("www", 80));
        assert!(site.servers["web-4"].spare);
        assert_eq!(site.servers["web-1"].zone.as_deref(), Some("a"));
    }

    #[test]
    fn links_that_are_said_are_the_only_ones() {
        let text = r#"[{"name": "lb-1", "type": "webhaproxy", "links": ["web-2"]},
            {"name": "web-1", "type": "webserver"}, {"name": "web-2", "type": "webserver"}]"#;
        let site = read(&Source { path: "site.json".into(), text: text.into() }).unwrap();
        assert_eq!(site.links, [("lb-1".to_string(), "web-2".to_string())]);
        assert_eq!(site.entry.host, "lb-1");
    }

    #[test]
    fn every_mistake_is_one_error_with_its_place_and_a_hint() {
        let wrong = [
            "[\n  { \"name\": \"web-1\", \"type\": \"webserver\" },\n]",
            "{ \"name\": \"web-1\", \"type\": \"webserver\" }",
            "[\n  { \"name\": \"web-1\", \"type\": \"webservr\" }\n]",
            "[\n  { \"name\": \"web-1\", \"type\": \"webserver\" },\n  { \"name\": \"web-1\", \"type\": \"webserver\" }\n]",
            "[\n  { \"name\": \"web-1\", \"tpe\": \"webserver\" }\n]",
            "[\n  { \"name\": \"web-1\" }\n]",
            "[\n  { \"name\": \"Web 1\", \"type\": \"webserver\" }\n]",
            "[\n  { \"name\": \"lb-1\", \"type\": \"webhaproxy\", \"links\": [\"web-2\"] },\n  { \"name\": \"web-1\", \"type\": \"webserver\" }\n]",
            "[\n  { \"name\": \"web-1\", \"type\": \"webserver\" },\n  { \"name\": \"web-2\", \"type\": \"webserver\", \"spare\": true }\n]",
            "[]",
        ];
        insta::assert_snapshot!(wrong.map(told).join("\n\n"));
    }
}
