//! What is given of one cloud, from all files and variables together, each field with its place.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_yaml::Value;

use super::file::{CloudFile, map_of};
use crate::document::DocumentError;
use crate::document::yaml::{PathSegment, Source, at};

/// Where a field stands.
#[derive(Clone)]
pub(super) enum Origin {
    /// At this path of a file.
    File(Rc<Source>, Vec<PathSegment>),
    /// In this environment variable.
    Variable(String),
}

impl Origin {
    /// An error about what stands here.
    pub(super) fn error(&self, detail: impl Into<String>, hint: impl Into<String>) -> DocumentError {
        let (detail, hint) = (detail.into(), hint.into());
        match self {
            Origin::File(source, path) => source.error(path, detail, Some(hint)),
            Origin::Variable(name) => DocumentError::new(format!("the variable `{name}`: {detail}")).with_hint(hint),
        }
    }

    /// The place in words.
    pub(super) fn place(&self) -> String {
        match self {
            Origin::File(source, path) => match crate::document::yaml::locate(&source.text, path) {
                Some((line, column)) => format!("{}:{line}:{column}", source.path.display()),
                None => source.path.display().to_string(),
            },
            Origin::Variable(name) => format!("the variable `{name}`"),
        }
    }
}

/// A field. Its value may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl Field {
    /// Its text; `None` where it is empty.
    ///
    /// # Errors
    /// It is a list or a map. The error does not show it.
    pub(super) fn text(&self) -> Result<Option<String>, DocumentError> {
        Ok(match &self.value {
            Value::Null => None,
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            _ => {
                return Err(self.error(
                    "is not a plain text, which is expected",
                    "write one value, in quotes where it has signs of YAML",
                ));
            }
        })
    }

    /// An error about this field, by name.
    pub(super) fn error(&self, detail: &str, hint: impl Into<String>) -> DocumentError {
        match &self.origin {
            Origin::Variable(_) => self.origin.error(detail, hint),
            Origin::File(..) => self.origin.error(format!("`{}` {detail}", self.name), hint),
        }
    }
}

/// What is given of one cloud.
pub(super) struct Given {
    pub(super) name: String,
    /// Where the cloud itself stands, for errors about fields that are not there.
    pub(super) home: Origin,
    /// The files or variables, in words.
    pub(super) from: String,
    top: BTreeMap<String, Field>,
    auth: BTreeMap<String, Field>,
}

impl Given {
    /// By the files' entries of this name, where a later file overrides an earlier one.
    ///
    /// # Errors
    /// An entry or its `auth` is not a map.
    pub(super) fn in_files(name: &str, files: &[CloudFile]) -> Result<Option<Given>, DocumentError> {
        let mut given: Option<Given> = None;
        for file in files {
            let Some(entry) = file.clouds.get(name) else { continue };
            let (source, path) = (&file.source, at!["clouds", name].to_vec());
            let home = Origin::File(source.clone(), [&path[..1], &[PathSegment::KeyOf(name.into())]].concat());
            let shown = source.path.display().to_string();
            let whole = given.get_or_insert_with(|| Given::new(name, home, String::new()));
            whole.from = if whole.from.is_empty() { shown } else { format!("{} and {shown}", whole.from) };
            whole.take(source, &path, entry.clone())?;
        }
        Ok(given)
    }

    /// By environment variables: `OS_AUTH_URL` is the field `auth_url`.
    pub(super) fn in_variables(name: &str, variables: &BTreeMap<&str, &str>) -> Given {
        let named: Vec<String> = variables.keys().map(|name| format!("`{name}`")).collect();
        let home = Origin::Variable(variables.keys().next().copied().unwrap_or("OS_AUTH_URL").into());
        let mut given = Given::new(name, home, format!("the variables {}", named.join(", ")));
        for (variable, value) in variables {
            let name = variable.trim_start_matches("OS_").to_lowercase();
            let (value, origin) = (Value::String((*value).into()), Origin::Variable((*variable).into()));
            given.top.insert(name.clone(), Field { name, value, origin });
        }
        given
    }

    fn new(name: &str, home: Origin, from: String) -> Given {
        Given { name: name.into(), home, from, top: BTreeMap::new(), auth: BTreeMap::new() }
    }

    /// Takes over the fields that stand at `path`, and those of `auth` below it; they override what was there.
    ///
    /// # Errors
    /// It or its `auth` is not a map.
    pub(super) fn take(
        &mut self,
        source: &Rc<Source>,
        path: &[PathSegment],
        entry: Value,
    ) -> Result<(), DocumentError> {
        for (key, value) in map_of(source, path, entry)? {
            let Some(key) = key.as_str() else { continue };
            let path = [path, &at![key]].concat();
            if key != "auth" {
                put(&mut self.top, source, path, key, value);
                continue;
            }
            for (key, value) in map_of(source, &path, value)? {
                let Some(key) = key.as_str() else { continue };
                put(&mut self.auth, source, [&path[..], &at![key]].concat(), key, value);
            }
        }
        Ok(())
    }

    /// A field beside `auth`, by the first of these names that is there and not empty.
    pub(super) fn beside_auth(&self, names: &[&str]) -> Option<&Field> {
        names.iter().find_map(|name| filled(&self.top, name))
    }

    /// A field that stands in `auth`, or else beside it.
    pub(super) fn option(&self, names: &[&str]) -> Option<&Field> {
        names.iter().find_map(|name| filled(&self.auth, name)).or_else(|| self.beside_auth(names))
    }

    /// A field that counts more where it stands beside `auth`, and by a later name.
    pub(super) fn scope(&self, names: &[&str]) -> Option<&Field> {
        names.iter().rev().find_map(|name| filled(&self.top, name).or_else(|| filled(&self.auth, name)))
    }

    /// The fields beside `auth`.
    pub(super) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.top.values()
    }
}

fn put(fields: &mut BTreeMap<String, Field>, source: &Rc<Source>, path: Vec<PathSegment>, key: &str, value: Value) {
    let name = key.replace('-', "_");
    fields.insert(name.clone(), Field { name, value, origin: Origin::File(source.clone(), path) });
}

fn filled<'f>(fields: &'f BTreeMap<String, Field>, name: &str) -> Option<&'f Field> {
    fields.get(name).filter(|field| !matches!(&field.value, Value::Null) && field.value.as_str() != Some(""))
}
