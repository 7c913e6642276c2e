//! What the file says, as it is written: every field is read by itself, so that a mistake in one hides none in another.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_yaml::{Mapping, Value};

use super::entries::Entries;
use super::hosts::HostEntry;
use super::site::VirtualIpEntry;
use crate::document::DocumentError;
use crate::document::words::plain;
use crate::document::yaml::{PathSegment, Source, at, form_hint};
use crate::settings::HostKeys;

/// The fields that there are. The entries of lists are read one by one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an inventory: a map with `hosts`")]
#[allow(dead_code, reason = "the fields are read one by one; serde says which of them there are")]
struct Form {
    hosts: Vec<IgnoredAny>,
    entry: Option<IgnoredAny>,
    entry_at: Option<IgnoredAny>,
    virtual_ips: Option<Vec<IgnoredAny>>,
    links: Option<Vec<IgnoredAny>>,
    allow: Option<Vec<IgnoredAny>>,
    known_hosts: Option<IgnoredAny>,
    ssh_config: Option<IgnoredAny>,
    host_keys: Option<IgnoredAny>,
    agent: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a link: `{ from: lb-1, to: web-1 }`")]
pub(super) struct LinkEntry {
    pub(super) from: String,
    pub(super) to: String,
}

/// What could be read of the file.
pub(super) struct Declaration {
    pub(super) hosts: Entries<HostEntry>,
    pub(super) entry: Option<String>,
    pub(super) entry_at: Option<String>,
    pub(super) virtual_ips: Entries<VirtualIpEntry>,
    pub(super) links: Entries<LinkEntry>,
    pub(super) allow: Entries<String>,
    pub(super) known_hosts: Option<String>,
    pub(super) ssh_config: Option<String>,
    pub(super) host_keys: Option<HostKeys>,
    pub(super) agent: Option<String>,
    /// Fields that are meant, but could not be read: misspelt, or of another form. They are not missing.
    pub(super) misread: BTreeSet<String>,
}

impl Declaration {
    /// What could be read, and every mistake of form.
    ///
    /// # Errors
    /// The text is not YAML, not a map, or has no list of hosts: nothing else can be judged, but for the form of the other fields.
    pub(super) fn of(source: &Source) -> Result<(Declaration, Vec<DocumentError>), Vec<DocumentError>> {
        source.parse::<IgnoredAny>().map_err(|why| vec![why])?;
        let form = source.parse::<Form>().err();
        let mut reader = Fields { source, mistakes: Vec::new(), misread: BTreeSet::new() };
        if let Some(first) = form {
            reader.form(first)?;
        }
        let Fields { mistakes, .. } = &mut reader;
        let hosts = Entries::of(source, "hosts", |host: &HostEntry| Some(&host.name), mistakes);
        let virtual_ips = Entries::of(source, "virtual_ips", |shared: &VirtualIpEntry| Some(&shared.name), mistakes);
        let links = Entries::of(source, "links", |_: &LinkEntry| None, mistakes);
        let allow = Entries::of(source, "allow", |_: &String| None, mistakes);
        let declaration = Declaration {
            entry: reader.field("entry"),
            entry_at: reader.field("entry_at"),
            known_hosts: reader.field("known_hosts"),
            ssh_config: reader.field("ssh_config"),
            host_keys: reader.field("host_keys"),
            agent: reader.field("agent"),
            hosts,
            virtual_ips,
            links,
            allow,
            misread: reader.misread,
        };
        match declaration.hosts.written.is_some() && !declaration.misread.contains("hosts") {
            true => Ok((declaration, reader.mistakes)),
            false => Err(reader.mistakes),
        }
    }
}

struct Fields<'a> {
    source: &'a Source,
    mistakes: Vec<DocumentError>,
    misread: BTreeSet<String>,
}

impl Fields<'_> {
    /// What is wrong with the names of the fields, where serde found this first.
    fn form(&mut self, first: DocumentError) -> Result<(), Vec<DocumentError>> {
        let Ok(written) = self.source.parse::<BTreeMap<String, IgnoredAny>>() else { return Err(vec![first]) };
        if first.detail.contains("duplicate field") {
            self.mistakes.push(first);
        }
        written.keys().for_each(|key| self.key(key));
        if !written.contains_key("hosts") && self.misread.insert("hosts".into()) {
            let hint = "list the servers: `hosts: [{ name: web-1, address: 192.0.2.11 }]`";
            self.mistakes.push(self.source.error(&[], "missing field `hosts`", Some(hint.into())));
        }
        Ok(())
    }

    /// Whether there is such a field.
    fn key(&mut self, key: &str) {
        let alone = Mapping::from_iter([(Value::from(key), Value::Null)]);
        let Err(why) = serde_yaml::from_value::<Form>(Value::Mapping(alone)) else { return };
        let why = why.to_string();
        if !why.starts_with("unknown field") {
            return;
        }
        let hint = form_hint(&why);
        let meant = hint
            .as_deref()
            .and_then(|hint| hint.strip_prefix("did you mean `"))
            .and_then(|rest| rest.split('`').next());
        self.misread.extend(meant.map(String::from));
        let at = [PathSegment::KeyOf(key.into())];
        self.mistakes.push(self.source.error(&at, plain(&why), hint));
    }

    fn field<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match self.source.parse_at::<Option<T>>(&at![name]) {
            Ok(read) => read.flatten(),
            Err(why) => {
                self.mistakes.push(why);
                self.misread.insert(name.into());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The lines of what is wrong, and the whole text.
    fn told(text: &str) -> (Vec<Option<usize>>, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.yaml");
        std::fs::write(&path, text).unwrap();
        let why = crate::inventory::file::read(Path::new(&path)).unwrap_err();
        (why.0.iter().map(|mistake| mistake.line).collect(), why.to_string())
    }

    #[test]
    fn a_mistake_of_form_hides_no_other_each_has_its_line_and_none_follows_from_another() {
        let (lines, why) = told(
            "hosts:\n  - { name: web-1, address: 192.0.2.300 }\n  - { name: lb-1, address: 192.0.2.10 }\n\
             links:\n  - [lb-1, web-1]\n  - { from: lb-1, too: web-1 }\n  - { from: lb-1, to: web-9 }\n\
             servers: []\nhost_keys: ignor\nvirtual_ip: []\nlink: []\nallow: [nobody]\n",
        );
        assert_eq!(lines, [2, 5, 6, 7, 8, 9, 10, 11, 12].map(Some), "{why}");
        for part in [
            "unknown field `servers`, expected one of `hosts`, `entry`",
            "unknown word `ignor`",
            "did you mean `virtual_ips`?",
            "did you mean `links`?",
            "there is no host `web-9`",
            "`nobody` is neither a host nor a tag of one",
        ] {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert!(!why.contains("`known_hosts` is missing"), "{why}");
    }

    #[test]
    fn without_a_list_of_hosts_only_the_form_of_the_other_fields_is_judged() {
        let (lines, why) = told("servers: []\nlinks: [{ from: a, to: b }, 7]\nhost_keys: ignor\n");
        assert_eq!(lines, [1, 1, 2, 3].map(Some), "{why}");
        assert!(why.contains("missing field `hosts`\n  help: list the servers"), "{why}");
        let (lines, why) = told("host: []\nhost_keys: ignore\n");
        assert_eq!((lines, why.contains("did you mean `hosts`?")), (vec![Some(1)], true), "{why}");
        let (lines, why) = told("entry: a\nentry: b\nhosts: web-1\nlinks: no\n");
        assert_eq!((lines, why.contains("duplicate field `entry`")), ([2, 3, 4].map(Some).to_vec(), true), "{why}");
    }
}
