//! The form of `config` and `credentials`, as the AWS CLI reads it (Python's `RawConfigParser`): a `#` or `;` comments out a whole
//! line and nothing else, keys are not case-sensitive, and a line that is indented further than its key goes on with the value.

use std::collections::BTreeMap;
use std::path::Path;

use super::given::Given;
use crate::document::DocumentError;

/// A section: its lines may hold secrets, so it has no `Debug`.
#[derive(Default)]
pub(super) struct Section {
    /// From 1.
    pub(super) line: usize,
    pub(super) entries: BTreeMap<String, Entry>,
}

/// What a key has.
pub(super) struct Entry {
    pub(super) value: Given,
    /// What stands below a key without a value of its own: `s3 =` and then indented keys.
    pub(super) nested: BTreeMap<String, Given>,
}

/// The sections by what stands between their brackets.
pub(super) type Sections = BTreeMap<String, Section>;

/// Reads the text of a file.
///
/// # Errors
/// A line that is none of a section, an entry and a comment; a section or a key that comes twice. No error quotes a value.
pub(super) fn parse(path: &Path, text: &str) -> Result<Sections, DocumentError> {
    let mut reading = Reading { path, sections: Sections::new(), section: None, key: None, indent: 0 };
    for (line, text) in (1..).zip(text.lines()) {
        let trimmed = text.trim();
        if !trimmed.is_empty() && !trimmed.starts_with(['#', ';']) {
            let indent = text.len() - text.trim_start().len();
            reading.line(line, indent, trimmed)?;
        }
    }
    Ok(reading.sections)
}

struct Reading<'r> {
    path: &'r Path,
    sections: Sections,
    section: Option<String>,
    key: Option<String>,
    /// Of the line that began what is read.
    indent: usize,
}

impl Reading<'_> {
    fn line(&mut self, line: usize, indent: usize, text: &str) -> Result<(), DocumentError> {
        if let (true, Some(key)) = (indent > self.indent, self.key.clone()) {
            return self.go_on(&key, line, text);
        }
        self.indent = indent;
        match text.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            Some((name, _)) => self.open(line, name.trim()),
            None => self.entry(line, text),
        }
    }

    fn open(&mut self, line: usize, name: &str) -> Result<(), DocumentError> {
        if let Some(before) = self.sections.get(name) {
            let detail = format!("the section `[{name}]` comes twice, first in line {}", before.line);
            return Err(self.wrong(line, detail, "make one section of both"));
        }
        self.sections.insert(name.into(), Section { line, entries: BTreeMap::new() });
        (self.section, self.key) = (Some(name.into()), None);
        Ok(())
    }

    fn entry(&mut self, line: usize, text: &str) -> Result<(), DocumentError> {
        let form = "write `[SECTION]`, and below it lines of the form `key = value`";
        let Some(name) = self.section.clone() else {
            return Err(self.wrong(line, "a line before the first section".into(), form));
        };
        let Some((key, value)) = split(text) else {
            return Err(self.wrong(line, "neither a section nor `key = value`".into(), form));
        };
        let value = Entry { value: Given::at(value, self.path, line), nested: BTreeMap::new() };
        self.key = Some(key.clone());
        let twice = format!("`{key}` comes twice in the section `[{name}]`");
        match self.sections.entry(name).or_default().entries.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(self.wrong(line, twice, "remove one of them")),
        }
    }

    fn go_on(&mut self, key: &str, line: usize, text: &str) -> Result<(), DocumentError> {
        let section = self.section.as_ref().and_then(|name| self.sections.get_mut(name));
        let Some(entry) = section.and_then(|section| section.entries.get_mut(key)) else { return Ok(()) };
        if !entry.value.text().is_empty() {
            entry.value = Given::new(&format!("{}\n{text}", entry.value.text()), entry.value.place.clone());
            return Ok(());
        }
        let Some((key, value)) = text.split_once('=') else {
            return Err(self.wrong(
                line,
                "an indented line that is not `key = value`".into(),
                "correct it, or indent it less",
            ));
        };
        entry.nested.insert(key.trim().into(), Given::at(value.trim(), self.path, line));
        Ok(())
    }

    fn wrong(&self, line: usize, detail: String, hint: &str) -> DocumentError {
        DocumentError { file: Some(self.path.into()), line: Some(line), ..DocumentError::new(detail) }.with_hint(hint)
    }
}

/// A key in lower case and its value, around the first `=` or `:`.
fn split(text: &str) -> Option<(String, &str)> {
    let (key, value) = text.split_once(['=', ':'])?;
    let key = key.trim().to_lowercase();
    (!key.is_empty()).then(|| (key, value.trim()))
}
