//! YAML with places: reads a document strictly, and finds the line and column of any item in it.
//!
//! serde says where a document is malformed. What is wrong in meaning (a name given twice, a link to nowhere) is
//! found later, when only the item's path is known: the same parser then walks down that path and stops there, so
//! the place is right in block and in flow style, with comments, quotes and anchors.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::DocumentError;
use super::error::did_you_mean;
use super::names::is_name;
use super::words::plain;
use crate::text;

mod item;

use item::Item;

/// One step down a YAML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// Into the value of this key.
    Key(String),
    /// To this key itself.
    KeyOf(String),
    /// Into this element of a sequence, from 0.
    Index(usize),
}

impl From<&str> for PathSegment {
    fn from(key: &str) -> Self {
        PathSegment::Key(key.into())
    }
}

impl From<usize> for PathSegment {
    fn from(index: usize) -> Self {
        PathSegment::Index(index)
    }
}

/// A path of [`PathSegment`]s: `at!["servers", 2, "name"]`.
macro_rules! at {
    ($($step:expr),* $(,)?) => { [$($crate::document::yaml::PathSegment::from($step)),*] };
}
pub(crate) use at;

/// A YAML file that was read: its text is kept, so that errors found later know their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, as it is named in errors.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// Names the file and why it can't be read.
    pub fn read(path: &Path) -> Result<Source, DocumentError> {
        let text = text::read(path).map_err(|why| {
            let unopened = why.place().is_none();
            let hint = match path.is_dir() {
                true => "this is a folder: name a file in it",
                false => {
                    "a path in a file is relative to that file; a path on the command line, to the working directory"
                }
            };
            DocumentError { hint: unopened.then(|| hint.into()), ..DocumentError::unreadable(path, &why) }
        })?;
        Ok(Source { path: path.into(), text })
    }

    /// Reads the text as a `T`.
    ///
    /// # Errors
    /// Has the line and column of what is malformed, and for an unknown field the nearest known one.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, DocumentError> {
        let is_nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if self.text.lines().all(is_nothing) {
            return Err(DocumentError { file: Some(self.path.clone()), ..DocumentError::new("the file is empty") });
        }
        serde_yaml::from_str(&self.text).map_err(|why| self.malformed(&why))
    }

    /// Reads the item at `path` as a `T`, whatever the rest of the text says; `None` where there is none.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_at<T: DeserializeOwned>(&self, path: &[PathSegment]) -> Result<Option<T>, DocumentError> {
        Item::at(path).deserialize(serde_yaml::Deserializer::from_str(&self.text)).map_err(|why| self.malformed(&why))
    }

    fn malformed(&self, why: &serde_yaml::Error) -> DocumentError {
        let shown = why.to_string();
        let detail = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(detail, _)| detail);
        // serde notices a field that is given twice only at the end, and names the place of its mapping.
        let twice = detail.split_once("duplicate field `").and_then(|(_, rest)| rest.split('`').next());
        // At the end of the file the parser counts from 0.
        let end = || why.location().map(|place| (place.line(), place.column().max(1)));
        let (line, column) = twice.and_then(|field| second(&self.text, field)).or_else(end).unzip();
        DocumentError {
            file: Some(self.path.clone()),
            line,
            column,
            hint: line.and_then(|line| self.tab(line)).or_else(|| form_hint(detail)),
            ..DocumentError::new(self.by_name(&plain(detail)))
        }
    }

    /// What to do about a line, from 1, that is indented with a tab.
    fn tab(&self, line: usize) -> Option<String> {
        let line = self.text.lines().nth(line - 1)?;
        let indented = &line[..line.len() - line.trim_start().len()];
        indented.contains('\t').then(|| "this line is indented with a tab, and YAML wants blanks".into())
    }

    /// `hosts[1].port: …` as "`web-2`: port: …", where that item has a name.
    fn by_name(&self, detail: &str) -> String {
        let named = || {
            let (list, rest) = detail.split_once('[')?;
            let (index, rest) = rest.split_once(']')?;
            let path = at![list, index.parse::<usize>().ok()?, "name"];
            let name = Item::<String>::at(&path).deserialize(serde_yaml::Deserializer::from_str(&self.text));
            let name = name.ok().flatten().filter(|name| is_name(name))?;
            let rest = rest.strip_prefix('.').map_or_else(|| rest.to_string(), |rest| format!(": {rest}"));
            Some(format!("`{name}`{rest}"))
        };
        if detail.starts_with(char::is_alphabetic) { named().unwrap_or_else(|| detail.into()) } else { detail.into() }
    }

    /// The plain word at `path`, as it was written.
    pub fn word(&self, path: &[PathSegment]) -> String {
        let rest = rest_of_line(&self.text, path).unwrap_or_default();
        rest.split(|sign: char| sign.is_whitespace() || ",]}".contains(sign)).next().unwrap_or_default().into()
    }

    /// An error about the item at `path`.
    pub fn error(&self, path: &[PathSegment], detail: impl Into<String>, hint: Option<String>) -> DocumentError {
        let (line, column) = locate(&self.text, path).unzip();
        DocumentError { file: Some(self.path.clone()), line, column, hint, ..DocumentError::new(detail) }
    }
}

/// What to do about serde's complaint. Of "unknown field `nmae`, expected one of `name`, `role`" the first quoted
/// word was found, the rest is known.
pub(crate) fn form_hint(detail: &str) -> Option<String> {
    let Some((_, message)) = detail.split_once("unknown field ") else { return general_hint(detail).map(String::from) };
    let mut quoted = message.split('`').skip(1).step_by(2);
    let nearest = quoted.next().and_then(|found| did_you_mean(found, quoted));
    Some(nearest.unwrap_or_else(|| "leave it out, or write one of those".into()))
}

/// Nothing where the complaint says what is expected.
fn general_hint(detail: &str) -> Option<&'static str> {
    Some(match detail {
        _ if detail.contains("missing field `role`") => {
            "say what it becomes: `role: webserver`; a spare too stands in for servers of one role"
        }
        _ if detail.contains("missing field `type`") => {
            "say what it becomes: `\"type\": \"webserver\"`; a spare too stands in for servers of one type"
        }
        _ if detail.contains("missing field `of`") => "say which master it follows: `of: db-1`",
        _ if detail.contains("missing field") => "add it",
        _ if detail.contains("duplicate") => "leave one of the two out",
        _ if detail.contains(", expected ") => return None,
        _ if ["did not find", "found ", "mapping values"].iter().any(|word| detail.contains(word)) => {
            "this is not YAML: look for a bracket, a quote or an indentation just before this place"
        }
        _ => return None,
    })
}

/// The tag that was written before the item at `path`, in full where it is one of YAML's own (`!!binary`).
pub fn tag(text: &str, path: &[PathSegment]) -> Option<String> {
    let properties = rest_of_line(text, path)?.split_ascii_whitespace();
    let tag = properties.take_while(|word| word.starts_with(['&', '!'])).find(|word| word.starts_with('!'))?;
    Some(match (tag.strip_prefix("!!"), tag.strip_prefix("!<")) {
        (Some(name), _) => format!("tag:yaml.org,2002:{name}"),
        (None, Some(whole)) => whole.trim_end_matches('>').into(),
        (None, None) => tag.into(),
    })
}

fn rest_of_line<'t>(text: &'t str, path: &[PathSegment]) -> Option<&'t str> {
    let (line, column) = locate(text, path)?;
    let text = text.lines().nth(line - 1)?;
    let (start, _) = text.char_indices().nth(column - 1)?;
    Some(&text[start..])
}

/// The line and column, from 1, of the item at `path`; of the nearest item above it where the path leads nowhere.
pub fn locate(text: &str, path: &[PathSegment]) -> Option<(usize, usize)> {
    let error = Walk(path).deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    error.location().map(|place| (place.line(), place.column()))
}

/// The line and column, from 1, where a key is given for the second time in one mapping, the first such place.
fn second(text: &str, key: &str) -> Option<(usize, usize)> {
    let error = Twice(key).deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    error.location().filter(|_| error.to_string().contains(HERE)).map(|place| (place.line(), place.column()))
}

/// Walks through everything and fails where the key comes twice.
#[derive(Clone, Copy)]
struct Twice<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Twice<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! pass_by {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method<E: Error>(self, _: $kind) -> Result<(), E> { Ok(()) })*
    };
}

impl<'de> Visitor<'de> for Twice<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any item")
    }

    pass_by!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut stop_at = None;
        while let Some(key) = map.next_key_seed(Key { stop_at })? {
            if key == self.0 {
                stop_at = Some(self.0);
            }
            map.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }
}

/// Walks down the path and fails at its end: the parser puts the place into the error.
struct Walk<'p>(&'p [PathSegment]);

const HERE: &str = "here";

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! stop_here {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method<E: Error>(self, _: $kind) -> Result<(), E> { Err(E::custom(HERE)) })*
    };
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any item")
    }

    stop_here!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Err(E::custom(HERE))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.0.split_first() else { return Err(A::Error::custom(HERE)) };
        let stop_at = if let PathSegment::KeyOf(key) = step { Some(key.as_str()) } else { None };
        while let Some(key) = map.next_key_seed(Key { stop_at })? {
            if *step == PathSegment::Key(key) {
                map.next_value_seed(Walk(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Err(A::Error::custom(HERE))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((PathSegment::Index(index), rest)) = self.0.split_first() else { return Err(A::Error::custom(HERE)) };
        for _ in 0..*index {
            items.next_element::<IgnoredAny>()?;
        }
        items.next_element_seed(Walk(rest))?;
        Err(A::Error::custom(HERE))
    }
}

/// Reads a key; fails at the one to stop at.
struct Key<'p> {
    stop_at: Option<&'p str>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if self.stop_at == Some(key) { Err(E::custom(HERE)) } else { Ok(key.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str =
        "# a comment\nservers:\n  - name: web-1\n    role: webserver\n\n  - name: \"web-2\"\n    role: x\n";
    const FLOW: &str = "servers: [{name: web-1, role: webserver},\n  {role: x, name: web-2}]\nroles: {a: b}\n";

    #[test]
    fn an_item_is_found_in_block_style() {
        assert_eq!(locate(BLOCK, &at!["servers", 1, "name"]), Some((6, 11)));
        assert_eq!(locate(BLOCK, &at!["servers", 0]), Some((3, 5)));
    }

    #[test]
    fn an_item_is_found_in_flow_style() {
        assert_eq!(locate(FLOW, &at!["servers", 1, "name"]), Some((2, 19)));
        assert_eq!(locate(FLOW, &at!["servers", 0, "role"]), Some((1, 31)));
    }

    #[test]
    fn a_key_is_found_apart_from_its_value() {
        let key = [PathSegment::from("roles"), PathSegment::KeyOf("a".into())];
        assert_eq!(locate(FLOW, &key), Some((3, 9)));
        assert_eq!(locate(FLOW, &at!["roles", "a"]), Some((3, 12)));
    }

    #[test]
    fn a_tag_is_read_where_it_stands_in_either_form_and_beside_an_anchor() {
        let text = "a: !!binary AAAA\nb: &x !!binary |\n  AAAA\nc: [!own x, '!!binary', !<tag:yaml.org,2002:binary> A]\nd: *x\n";
        let binary = Some("tag:yaml.org,2002:binary".to_string());
        assert_eq!([tag(text, &at!["a"]), tag(text, &at!["b"])], [binary.clone(), binary.clone()]);
        assert_eq!(tag(text, &at!["c", 0]), Some("!own".into()));
        assert_eq!([tag(text, &at!["c", 1]), tag(text, &at!["c", 2])], [None, binary.clone()]);
        assert_eq!(tag(text, &at!["d"]), binary, "an alias is what it stands for");
    }

    #[test]
    fn a_path_that_leads_nowhere_ends_at_the_nearest_item_above() {
        assert_eq!(locate(BLOCK, &at!["servers", 1, "zone"]), Some((6, 5)));
    }

    #[test]
    fn an_unknown_field_is_answered_with_the_nearest() {
        let hint = form_hint("servers[0]: unknown field `nmae`, expected one of `name`, `role`");
        assert_eq!(hint.as_deref(), Some("did you mean `name`?"));
    }

    #[test]
    fn a_field_that_is_given_twice_is_found_at_its_second_place() {
        assert_eq!(second("a: 1\nb: { x: 1, y: 2, x: 3 }\n", "x"), Some((2, 18)));
        assert_eq!(second("- { x: 1 }\n- { x: 2 }\n- x: 3\n  y: 4\n  x: 5\n", "x"), Some((5, 3)));
        assert_eq!(second("a: { x: 1 }\nb: { x: 2 }\n", "x"), None);
        #[derive(Debug, serde::Deserialize)]
        struct Site {
            #[allow(dead_code, reason = "it is only read")]
            entry: String,
        }
        let source = Source { path: "site.yaml".into(), text: "# a site\nentry: a\nentry: b\n".into() };
        let why = source.parse::<Site>().unwrap_err().to_string();
        assert_eq!(why, "site.yaml:3:1: duplicate field `entry`\n  help: leave one of the two out");
    }
}
