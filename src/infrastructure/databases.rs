//! Which databases replicate from which: masters that replicate from each other, and the slaves of each.
//!
//! ```yaml
//! databases:
//!   masters:                          # in a ring of two; the first is written to first
//!     - { server: db-1, id: 1 }       # `id`: default, the next number that nobody has
//!     - { server: db-2, id: 2 }
//!   slaves:
//!     - { server: db-3, of: db-1 }
//! ```
//! Every server whose role is a database has to be named, once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::document::error::one_of;
use crate::document::yaml::{PathSegment, Source, at};
use crate::document::{Checked, DocumentError};

/// The declared replication; empty where no server is a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Databases {
    /// Two that replicate from each other, or none. The first is written to first.
    pub masters: Vec<Database>,
    /// Those that only follow.
    pub slaves: Vec<Database>,
}

/// One database and whom it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The server.
    pub server: String,
    /// Its number in the replication, from 1. A rebuilt one takes a new number, so these are only the first.
    pub id: u32,
    /// The server it replicates from when everything is there.
    pub source: String,
}

/// What a database is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// May be written to.
    Master,
    /// Never is.
    Slave,
}

impl Databases {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.masters.is_empty()
    }

    /// All, the masters first.
    pub fn all(&self) -> impl Iterator<Item = &Database> {
        self.masters.iter().chain(&self.slaves)
    }

    /// One by its server, and what it is for.
    pub fn of(&self, server: &str) -> Option<(&Database, Kind)> {
        let find = |list: &'_ [Database]| list.iter().position(|database| database.server == server);
        match (find(&self.masters), find(&self.slaves)) {
            (Some(index), _) => Some((&self.masters[index], Kind::Master)),
            (None, Some(index)) => Some((&self.slaves[index], Kind::Slave)),
            (None, None) => None,
        }
    }

    /// Whether this server is a database.
    pub fn has(&self, server: &str) -> bool {
        self.of(server).is_some()
    }

    /// Whether this server is a master.
    pub fn is_master(&self, server: &str) -> bool {
        matches!(self.of(server), Some((_, Kind::Master)))
    }
}

/// The form of it in an infrastructure file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "databases: a map with `masters` and `slaves`")]
pub(super) struct DatabasesForm {
    #[serde(default)]
    masters: Vec<MasterForm>,
    #[serde(default)]
    slaves: Vec<SlaveForm>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a master: `{ server: db-1, id: 1 }`")]
struct MasterForm {
    server: String,
    id: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a slave: `{ server: db-3, of: db-1 }`")]
struct SlaveForm {
    server: String,
    of: String,
    id: Option<u32>,
}

/// What the declared servers are, as far as replication asks.
pub(super) struct Declared<'a> {
    /// Every server, and whether its role is a database.
    pub servers: BTreeMap<&'a str, bool>,
    /// The file, for errors.
    pub source: Option<&'a Source>,
}

/// Checks the declared replication.
///
/// # Errors
/// The first mistake, with its place and what to do.
pub(super) fn resolve(form: &DatabasesForm, declared: &Declared<'_>) -> Checked<Databases> {
    let mut seen = Seen::default();
    for (index, master) in form.masters.iter().enumerate() {
        declared.is_new(&mut seen, &at!["databases", "masters", index], &master.server, master.id)?;
    }
    declared.ring(form)?;
    for (index, slave) in form.slaves.iter().enumerate() {
        declared.is_new(&mut seen, &at!["databases", "slaves", index], &slave.server, slave.id)?;
        declared.source(form, index, slave)?;
    }
    declared.all_are_named(&seen)?;
    Ok(numbered(form, seen.ids))
}

/// Gives a number to each that has none.
fn numbered(form: &DatabasesForm, mut taken: BTreeSet<u32>) -> Databases {
    let mut number = |id: Option<u32>| {
        id.unwrap_or_else(|| {
            let free = (1..).find(|id| !taken.contains(id)).expect("there are more numbers than servers");
            taken.insert(free);
            free
        })
    };
    let masters = form.masters.iter().enumerate().map(|(index, master)| Database {
        server: master.server.clone(),
        id: number(master.id),
        source: form.masters[(index + 1) % form.masters.len()].server.clone(),
    });
    let masters = masters.collect();
    let slaves = form.slaves.iter().map(|slave| Database {
        server: slave.server.clone(),
        id: number(slave.id),
        source: slave.of.clone(),
    });
    let slaves = slaves.collect();
    Databases { masters, slaves }
}

#[derive(Default)]
struct Seen<'f> {
    servers: BTreeSet<&'f str>,
    ids: BTreeSet<u32>,
}

impl Declared<'_> {
    fn error<T>(&self, at: &[PathSegment], detail: String, hint: impl Into<String>) -> Checked<T> {
        Err(match self.source {
            Some(source) => source.error(at, detail, Some(hint.into())),
            None => DocumentError::new(detail).with_hint(hint),
        })
    }

    fn is_new<'f>(&self, seen: &mut Seen<'f>, at: &[PathSegment], server: &'f str, id: Option<u32>) -> Checked<()> {
        let below = |key: &str| [at, &at![key][..]].concat();
        let known = || self.servers.iter().filter(|(_, is)| **is).map(|(name, _)| *name);
        match self.servers.get(server) {
            None => {
                let detail = format!("`{server}` is to replicate, but there is no server `{server}`");
                return self.error(&below("server"), detail, one_of(server, "databases", known()));
            }
            Some(false) => {
                let detail = format!("`{server}` is to replicate, but its role is not a database");
                return self.error(&below("server"), detail, one_of(server, "databases", known()));
            }
            Some(true) => {}
        }
        if !seen.servers.insert(server) {
            let detail = format!("`{server}` is declared twice under `databases`");
            return self.error(&below("server"), detail, "a database is a master or follows one, once");
        }
        if id == Some(0) {
            return self.error(&below("id"), format!("`{server}` has the id 0"), "ids begin with 1");
        }
        if id.is_some_and(|id| !seen.ids.insert(id)) {
            let detail = format!("`{server}` has the id {}, which another database has", id.unwrap_or_default());
            return self.error(&below("id"), detail, "every database needs an id of its own; left out, it gets one");
        }
        Ok(())
    }

    fn ring(&self, form: &DatabasesForm) -> Checked<()> {
        let at = at!["databases", "masters"];
        match form.masters.as_slice() {
            [] if form.slaves.is_empty() => Ok(()),
            [] => self.error(&at!["databases"], "the slaves have no masters".into(), "name two under `masters`"),
            [_, _] => Ok(()),
            [one] => {
                let detail = format!("`{}` is a ring of one: no other master could take over", one.server);
                self.error(&at, detail, "name two masters, which replicate from each other")
            }
            more => {
                let detail = format!("{} masters are more than a ring of two", more.len());
                self.error(&at, detail, "name two masters; others follow one, under `slaves`")
            }
        }
    }

    fn source(&self, form: &DatabasesForm, index: usize, slave: &SlaveForm) -> Checked<()> {
        let at = at!["databases", "slaves", index, "of"];
        let SlaveForm { server, of, .. } = slave;
        if server == of {
            let detail = format!("`{server}` would be a slave of itself");
            return self.error(&at, detail, "a slave follows one of the masters");
        }
        let masters = || form.masters.iter().map(|master| master.server.as_str());
        if !masters().any(|master| master == of) {
            let detail = format!("`{server}` is a slave of `{of}`, which is not a master");
            return self.error(&at, detail, one_of(of, "masters", masters()));
        }
        Ok(())
    }

    fn all_are_named(&self, seen: &Seen<'_>) -> Checked<()> {
        let unnamed = self.servers.iter().find(|(name, is_database)| **is_database && !seen.servers.contains(*name));
        let Some((name, _)) = unnamed else { return Ok(()) };
        let detail = format!("`{name}` is a database that replicates from no other");
        let hint =
            format!("name it: `databases: {{ masters: [{{ server: … }}, …], slaves: [{{ server: {name}, of: … }}] }}`");
        self.error(&at!["databases"], detail, hint)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn resolved(yaml: &str) -> Checked<Databases> {
        #[derive(Deserialize)]
        struct File {
            databases: DatabasesForm,
        }
        let source = Source { path: Path::new("site.yaml").into(), text: yaml.into() };
        let form: File = source.parse()?;
        let databases = ["db-1", "db-2", "db-3", "db-4"].map(|name| (name, true));
        let servers = databases.into_iter().chain([("web-1", false)]).collect();
        resolve(&form.databases, &Declared { servers, source: Some(&source) })
    }

    const WHOLE: &str = "databases:
  masters: [{ server: db-1 }, { server: db-2, id: 1 }]
  slaves:
    - { server: db-3, of: db-1 }
    - { server: db-4, of: db-2, id: 7 }
";

    #[test]
    fn masters_follow_each_other_and_slaves_their_master() {
        let databases = resolved(WHOLE).unwrap();
        let told: Vec<_> = databases.all().map(|d| (d.server.as_str(), d.id, d.source.as_str())).collect();
        assert_eq!(told, [("db-1", 2, "db-2"), ("db-2", 1, "db-1"), ("db-3", 3, "db-1"), ("db-4", 7, "db-2")]);
        assert!(databases.is_master("db-2") && !databases.is_master("db-3") && !databases.has("web-1"));
    }

    #[test]
    fn what_can_not_replicate_is_one_error_with_its_place_and_a_hint() {
        let cases = [
            ("two masters with one id", WHOLE.replace("db-1 }", "db-1, id: 1 }")),
            ("an id of 0", WHOLE.replace("id: 7", "id: 0")),
            ("a slave of nobody", WHOLE.replace(", of: db-1", "")),
            ("a slave of itself", WHOLE.replace("of: db-1", "of: db-3")),
            ("a slave of a slave", WHOLE.replace("of: db-1", "of: db-4")),
            ("a ring of one", WHOLE.replace(", { server: db-2, id: 1 }", "").replace("of: db-2", "of: db-1")),
            ("a ring of three", WHOLE.replace("id: 1 }", "id: 1 }, { server: db-4 }")),
            ("unknown", WHOLE.replace("server: db-3", "server: db-33")),
            ("unknown source", WHOLE.replace("of: db-1", "of: db-11")),
            ("no database", WHOLE.replace("server: db-3", "server: web-1")),
            ("twice", WHOLE.replace("server: db-4", "server: db-3")),
            ("not named", WHOLE.replace("    - { server: db-4, of: db-2, id: 7 }\n", "")),
            ("no masters", "databases:\n  slaves: [{ server: db-3, of: db-1 }]\n".into()),
            ("unknown field", WHOLE.replace("slaves:", "replicas:")),
        ];
        let told = cases.map(|(name, yaml)| format!("[{name}]\n{}", resolved(&yaml).expect_err(name)));
        insta::assert_snapshot!(told.join("\n"));
    }
}
