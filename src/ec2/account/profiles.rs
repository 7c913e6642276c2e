//! The profiles of `config` and `credentials`.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::Surroundings;
use super::given::Given;
use super::ini::{self, Entry, Section, Sections};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::text::{self, TextError};

/// A file of profiles.
struct File {
    path: PathBuf,
    sections: Sections,
}

/// Both files.
pub(super) struct Profiles {
    config: File,
    credentials: File,
}

/// What is given of one profile: what `credentials` says overrides what `config` says.
pub(super) struct Profile<'p> {
    pub(super) name: &'p str,
    config: Option<&'p Section>,
    credentials: Option<&'p Section>,
}

impl Profiles {
    /// Reads the files that the variables name, or those in `~/.aws`, which need not be there.
    ///
    /// # Errors
    /// A file is named and not there, can't be read, or has a mistake.
    pub(super) fn read(from: &Surroundings) -> Result<Profiles, DocumentError> {
        Ok(Profiles {
            config: read(from, "AWS_CONFIG_FILE", "config")?,
            credentials: read(from, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?,
        })
    }

    /// A profile by its name.
    pub(super) fn profile<'p>(&'p self, name: &'p str) -> Option<Profile<'p>> {
        let config = of_kind(&self.config.sections, "profile", name)
            .or_else(|| self.config.sections.get(name).filter(|_| name == "default"));
        let credentials = self.credentials.sections.get(name);
        (config.is_some() || credentials.is_some()).then_some(Profile { name, config, credentials })
    }

    /// The error that there is no such profile, which is named at that place.
    pub(super) fn unknown(&self, name: &Given) -> DocumentError {
        let files = format!("{} and {}", self.config.path.display(), self.credentials.path.display());
        let names = self.names();
        let hint = one_of(name.text(), "profiles", names.iter().map(String::as_str));
        name.error(&format!("there is no profile `{}` in {files}", name.text()), hint)
    }

    /// The section `[sso-session NAME]` or `[services NAME]` of `config`.
    pub(super) fn section(&self, kind: &str, name: &str) -> Option<&BTreeMap<String, Entry>> {
        of_kind(&self.config.sections, kind, name).map(|section| &section.entries)
    }

    /// Both files, in words.
    pub(super) fn files(&self) -> String {
        format!("{} and {}", self.config.path.display(), self.credentials.path.display())
    }

    fn names(&self) -> Vec<String> {
        let of_config = self.config.sections.keys().filter_map(|header| match header.as_str() {
            "default" => Some("default".into()),
            header => named(header).filter(|(kind, _)| kind == "profile").map(|(_, name)| name),
        });
        let mut names: Vec<String> = of_config.chain(self.credentials.sections.keys().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Profile<'_> {
    /// A value that is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&Given> {
        self.entry(key).map(|entry| &entry.value).filter(|value| !value.text().is_empty())
    }

    /// The same, as far as the file `credentials` says so itself.
    pub(super) fn of_credentials(&self, key: &str) -> Option<&Given> {
        let entry = self.credentials.and_then(|section| section.entries.get(key));
        entry.map(|entry| &entry.value).filter(|value| !value.text().is_empty())
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        [self.credentials, self.config].into_iter().flatten().find_map(|section| section.entries.get(key))
    }
}

/// `[profile "my site"]` is of the kind `profile`, and `my site` is its name.
fn named(header: &str) -> Option<(String, String)> {
    match shlex::split(header)?.as_slice() {
        [kind, name] => Some((kind.clone(), name.clone())),
        _ => None,
    }
}

fn of_kind<'s>(sections: &'s Sections, kind: &str, name: &str) -> Option<&'s Section> {
    let is_it = |header: &str| named(header).is_some_and(|(of, called)| of == kind && called == name);
    sections.iter().find(|(header, _)| is_it(header)).map(|(_, section)| section)
}

fn read(from: &Surroundings, variable: &str, name: &str) -> Result<File, DocumentError> {
    let named = from.first(&[variable]);
    let path = named.as_ref().map_or_else(|| from.home.join(".aws").join(name), |named| from.path(named.text()));
    let text = match (text::read(&path), &named) {
        (Ok(text), _) => text,
        (Err(TextError::Io(why)), None) if why.kind() == io::ErrorKind::NotFound => String::new(),
        (Err(why), None) => return Err(DocumentError::unreadable(&path, &why)),
        (Err(why), Some(named)) => {
            let hint = format!("{} names it: name a file that is there, or unset it", named.place);
            return Err(DocumentError::unreadable(&path, &why).with_hint(hint));
        }
    };
    let sections = ini::parse(&path, &text)?;
    Ok(File { path, sections })
}
