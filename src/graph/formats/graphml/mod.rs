//! GraphML: nodes and edges, as networkx, igraph, Gephi and yEd write them.
//!
//! A node's identity is its id. Its label is shown: its data `name`, else `label`, else what yEd and yFiles draw on it
//! (`y:NodeLabel`, `y:Label.Text`). Data `role` and `zone` are taken, with the defaults of their keys; all other data is
//! passed over. An edge without a direction (`edgedefault` is not `directed`, or `directed="false"`) is a link both
//! ways. Ports are passed over: an edge between ports is one between their nodes.
//!
//! Graphs inside nodes are read as a part of the whole. A node with others inside is a group: it is left out, with a
//! note, unless an edge ends at it. Hyperedges, contents in other files and a second graph beside the first are
//! refused.

use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::{NsReader, XmlVersion};

use super::{GraphError, GraphFile, Text, Wrong};

mod document;
mod place;

use document::Document;
use place::Place;

const FORM: &str = "a GraphML file is `<graphml><graph edgedefault=\"directed\"> … </graph></graphml>`";
/// Deeper is no graph that any tool writes.
const DEEPEST: usize = 1_000;

/// Reads a GraphML file.
///
/// # Errors
/// What is no XML, what is no GraphML or not of the part that is read, and what is wrong with servers and links.
pub(super) fn read(text: &Text) -> Result<GraphFile, GraphError> {
    let mut reader = NsReader::from_str(&text.text);
    let mut file = Reading::default();
    loop {
        let at = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|why| {
            let (detail, hint) = unreadable(why);
            text.error(Some(text.place(reader.error_position() as usize)), detail, hint)
        })?;
        let taken = match event {
            Event::Start(element) => file.open(&reader, &element, at),
            Event::Empty(element) => file.open(&reader, &element, at).and_then(|()| file.close()),
            Event::End(_) => file.close(),
            Event::Text(words) => words.decode().map_err(unreadable).and_then(|words| file.text(&words)),
            Event::CData(words) => words.decode().map_err(unreadable).and_then(|words| file.text(&words)),
            Event::GeneralRef(named) => file.reference(&named),
            Event::Decl(declaration) => in_utf8(&declaration, &text.text),
            Event::Eof if file.stack.is_empty() => return file.document.finish(text),
            Event::Eof => Err(file.cut_short()),
            _ => Ok(()),
        };
        taken.map_err(|(detail, hint)| text.error(Some(text.place(at)), detail, hint))?;
    }
}

/// Where in the file the reader is, and what it has found.
#[derive(Debug, Default)]
struct Reading {
    stack: Vec<Place>,
    /// The namespace of the root; elements of others are passed over. Empty before the root and where it has none.
    namespace: Vec<u8>,
    /// What the innermost data, default or label says so far.
    words: String,
    document: Document,
}

impl Reading {
    fn open(&mut self, reader: &NsReader<&[u8]>, element: &BytesStart, at: usize) -> Result<(), Wrong> {
        let namespace = match reader.resolver().resolve_element(element.name()).0 {
            ResolveResult::Bound(Namespace(name)) => name.to_vec(),
            ResolveResult::Unbound => Vec::new(),
            ResolveResult::Unknown(prefix) => prefix,
        };
        let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
        let place = match self.stack.last() {
            None if self.document.is_read() => return Err(("a second root element".into(), FORM.into())),
            None => {
                self.namespace = namespace;
                Place::root(&name)?
            }
            Some(around) => around.inside(&name, namespace == self.namespace)?,
        };
        if self.stack.len() >= DEEPEST {
            return Err((format!("elements more than {DEEPEST} deep"), "flatten the groups of the graph".into()));
        }
        if matches!(place, Place::Data | Place::Default | Place::Label) {
            self.words.clear();
        }
        self.document.open(place, self.stack.last().copied(), &Attributes(element), at)?;
        self.stack.push(place);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Wrong> {
        if let Some(place) = self.stack.pop() {
            self.document.close(place, &self.words);
        }
        Ok(())
    }

    fn text(&mut self, words: &str) -> Result<(), Wrong> {
        match self.stack.last() {
            Some(Place::Data | Place::Default | Place::Label) => self.words.push_str(words),
            None if !words.trim().is_empty() => return Err(("text outside of the root element".into(), FORM.into())),
            _ => {}
        }
        Ok(())
    }

    /// `&amp;` and its like in a text.
    fn reference(&mut self, named: &BytesRef) -> Result<(), Wrong> {
        let word = named.decode().map_err(unreadable)?;
        let number = named.resolve_char_ref().map_err(unreadable)?;
        match (number, quick_xml::escape::resolve_predefined_entity(&word)) {
            (Some(letter), _) => self.text(letter.encode_utf8(&mut [0; 4])),
            (None, Some(letters)) => self.text(letters),
            (None, None) => {
                let hint = "entities that a file declares itself are not read; write the character itself";
                Err((format!("the entity `&{word};` is not known"), hint.into()))
            }
        }
    }

    fn cut_short(&self) -> Wrong {
        let inside = self.stack.iter().rev().find_map(|place| place.element()).unwrap_or("graphml");
        let detail = format!("the file ends inside `<{inside}>`");
        (detail, "it was cut short: write it again with the tool that made it".into())
    }
}

/// Only UTF-8 is read; a file that says that it is something else may say so as long as that makes no difference.
fn in_utf8(declaration: &BytesDecl, text: &str) -> Result<(), Wrong> {
    let Some(encoding) = declaration.encoding() else { return Ok(()) };
    let encoding = encoding.map_err(unreadable)?;
    let encoding = String::from_utf8_lossy(&encoding).into_owned();
    if text.is_ascii() || encoding.eq_ignore_ascii_case("utf-8") || encoding.eq_ignore_ascii_case("utf8") {
        return Ok(());
    }
    let hint = format!("convert it, for example with `iconv -f {encoding} -t UTF-8`, and declare it so");
    Err((format!("the file declares the encoding `{encoding}`, but only UTF-8 is read"), hint))
}

/// The attributes of an element.
struct Attributes<'e>(&'e BytesStart<'e>);

impl Attributes<'_> {
    fn get(&self, name: &str) -> Result<Option<String>, Wrong> {
        for attribute in self.0.attributes() {
            let attribute = attribute.map_err(unreadable)?;
            if attribute.key.as_ref() == name.as_bytes() {
                let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(unreadable)?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    }

    fn needed(&self, name: &str) -> Result<String, Wrong> {
        self.get(name)?.ok_or_else(|| {
            let kind = String::from_utf8_lossy(self.0.name().as_ref()).into_owned();
            (format!("a `<{kind}>` without `{name}`"), format!("add it: `<{kind} {name}=\"…\">`"))
        })
    }

    /// One of a few words; `None` where the attribute is missing.
    fn one_of<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Result<Option<T>, Wrong> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let found = known.iter().find(|(word, _)| *word == value.trim());
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<String> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
            (format!("`{name}` can't be `{value}`"), format!("expected one of {}", words.join(", ")))
        })
    }
}

fn unreadable(why: impl std::fmt::Display) -> Wrong {
    (format!("this is not XML: {why}"), "correct it, or write it again with the tool that made it".into())
}
