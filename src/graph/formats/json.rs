//! A JSON list of servers with their links, as the paper's attacker takes it:
//!
//! ```json
//! [ { "name": "lb-1",  "in": ["client"], "out": ["web-1", "web-2"] },
//!   { "name": "web-1", "in": ["lb-1"],   "out": [], "role": "webserver", "zone": "a" },
//!   { "name": "web-2" } ]
//! ```
//!
//! `in` names who has a link to the server, `out` to whom it has one; both may be left out, and a link may be said by
//! one of its ends or by both. `role` and `zone` are optional. Everything that a link names is in the list, or is
//! `client` (`clients`): the site's users. Nothing else is known. `fixtures/attacks/graph.schema.json` is the schema.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::sketch::{Edge, Raw, is_client};
use super::{GraphError, GraphFile, Sketch, Text, Wrong};
use crate::document::error::did_you_mean;
use crate::document::words::plain;
use crate::document::yaml::{PathSegment, at, form_hint, locate};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a server: `{ \"name\": \"web-1\", \"in\": [\"lb-1\"], \"out\": [] }`")]
struct Entry {
    name: String,
    #[serde(default, rename = "in")]
    into: Vec<String>,
    #[serde(default)]
    out: Vec<String>,
    role: Option<String>,
    zone: Option<String>,
}

/// Reads such a list.
///
/// # Errors
/// The form first, then the servers' names, then their links, in the order of the file.
pub(super) fn read(text: &Text) -> Result<GraphFile, GraphError> {
    let entries: Vec<Entry> = serde_json::from_str(&text.text).map_err(|why| malformed(text, &why))?;
    let mut sketch = Sketch::default();
    for (index, entry) in entries.iter().enumerate() {
        let at = at![index, "name"];
        if is_client(&entry.name) {
            let detail = format!("`{}` stands for the site's users and can't be a server's name", entry.name);
            return Err(located(text, &at, (detail, "give the server another name, or leave it out".into())));
        }
        let raw = Raw { id: entry.name.clone(), role: entry.role.clone(), zone: entry.zone.clone(), label: None };
        sketch.node(raw).map_err(|wrong| located(text, &at, wrong))?;
    }
    let mut links = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        for (field, names) in [("in", &entry.into), ("out", &entry.out)] {
            let mut before = BTreeSet::new();
            for (nth, other) in names.iter().enumerate() {
                let link = link(&mut sketch, &entry.name, field, other);
                let link =
                    link.and_then(|link| if before.insert(other) { Ok(link) } else { Err(twice(entry, field, other)) });
                links.insert(link.map_err(|wrong| located(text, &at![index, field, nth], wrong))?);
            }
        }
    }
    for (from, to) in links {
        let edge = Edge { from, to, directed: true, at: 0 };
        sketch.edge(edge).map_err(|(detail, hint)| text.error(None, detail, hint))?;
    }
    sketch.finish(text, None)
}

/// The numbers of the two that a link joins. A link may be given by both of its ends.
fn link(sketch: &mut Sketch, server: &str, field: &str, other: &str) -> Result<(usize, usize), Wrong> {
    if server == other {
        return Err((format!("`{server}` is linked with itself"), "a link joins two servers; leave it out".into()));
    }
    let known = sketch.number(other);
    let Some(other) = known.or_else(|| is_client(other).then(|| sketch.client(other))) else {
        let detail = format!("`{field}` of `{server}` names `{other}`, but there is no such server in the list");
        let hint = did_you_mean(other, sketch.ids())
            .unwrap_or_else(|| "add it to the list; `client` stands for the site's users".into());
        return Err((detail, hint));
    };
    let server = sketch.number(server).expect("every server of the list is known by now");
    Ok(if field == "in" { (other, server) } else { (server, other) })
}

fn twice(entry: &Entry, field: &str, other: &str) -> Wrong {
    (format!("`{field}` of `{}` names `{other}` twice", entry.name), "leave one of the two out".into())
}

/// JSON is read as the YAML that it nearly is. Escapes are where the two differ: then no place is better than a wrong
/// one.
fn place(text: &Text, path: &[PathSegment]) -> Option<(usize, usize)> {
    if text.text.contains('\\') { None } else { locate(&text.text, path) }
}

fn located(text: &Text, path: &[PathSegment], (detail, hint): Wrong) -> GraphError {
    let place = place(text, path);
    let step = |step: &PathSegment| match step {
        PathSegment::Index(index) => format!("[{index}]"),
        PathSegment::Key(key) | PathSegment::KeyOf(key) => format!(".{key}"),
    };
    let detail = if place.is_some() { detail } else { path.iter().map(step).collect::<String>() + ": " + &detail };
    text.error(place, detail, hint)
}

const FORM: &str = "a graph is a list of servers: `[{ \"name\": \"web-1\", \"in\": [\"lb-1\"], \"out\": [] }]`";

fn malformed(text: &Text, why: &serde_json::Error) -> GraphError {
    let shown = why.to_string();
    let detail = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(detail, _)| detail);
    // serde_json's columns are those of what it has read: 0 before anything.
    let place = Some((why.line().max(1), why.column().max(1)));
    match why.is_data() {
        true if detail.starts_with("invalid ") => text.error(place, plain(detail), FORM),
        true => text.error(place, plain(detail), form_hint(detail).unwrap_or_else(|| FORM.into())),
        false => {
            let hint = format!("look for a bracket, a quote or a comma at this place; {FORM}");
            text.error(place, format!("this is no JSON: {detail}"), hint)
        }
    }
}
