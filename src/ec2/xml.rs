//! The answers of the Query API: XML, read as a tree of elements. Attributes and namespaces say nothing there.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// The deepest that an answer may be; those of EC2 have some ten levels.
const DEEPEST: usize = 64;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(bytes: &[u8]) -> Result<Element, String> {
        let mut reader = Reader::from_reader(bytes);
        let mut open: Vec<Element> = Vec::new();
        loop {
            match reader.read_event().map_err(not_xml)? {
                Event::Start(_) if open.len() >= DEEPEST => {
                    return Err(format!("elements are more than {DEEPEST} deep"));
                }
                Event::Start(start) => open.push(Element::named(start.local_name().as_ref())),
                Event::Empty(empty) => {
                    let element = Element::named(empty.local_name().as_ref());
                    if let Some(root) = close(&mut open, element) {
                        return Ok(root);
                    }
                }
                Event::End(_) => {
                    let Some(element) = open.pop() else { return Err("an element ends that did not begin".into()) };
                    if let Some(root) = close(&mut open, element) {
                        return Ok(root);
                    }
                }
                Event::Text(text) => say(&mut open, &text.decode().map_err(not_xml)?),
                Event::CData(text) => say(&mut open, &text.decode().map_err(not_xml)?),
                Event::GeneralRef(named) => say(&mut open, &meant(&named)?),
                Event::Eof => return Err("it ends before its root element does".into()),
                _ => {}
            }
        }
    }

    fn named(name: &[u8]) -> Element {
        Element { name: String::from_utf8_lossy(name).into_owned(), ..Element::default() }
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// What stands in the first child of this name, without the space around it; empty where there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }

    /// The first element of this name, at any depth.
    pub(super) fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }

    /// The items of the list that the child of this name is.
    pub(super) fn into_items(self, list: &str) -> Vec<Element> {
        self.children.into_iter().find(|child| child.name == list).map(|list| list.children).unwrap_or_default()
    }
}

/// Gives an element to its parent; returns it if it has none.
fn close(open: &mut [Element], element: Element) -> Option<Element> {
    match open.last_mut() {
        Some(parent) => {
            parent.children.push(element);
            None
        }
        None => Some(element),
    }
}

fn say(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// `&amp;` and its like.
fn meant(named: &BytesRef<'_>) -> Result<String, String> {
    if let Some(letter) = named.resolve_char_ref().map_err(not_xml)? {
        return Ok(letter.into());
    }
    let word = named.decode().map_err(not_xml)?;
    let letters = quick_xml::escape::resolve_predefined_entity(&word);
    letters.map(String::from).ok_or_else(|| format!("the entity `&{word};` is not known"))
}

fn not_xml(why: impl std::fmt::Display) -> String {
    format!("the answer is not XML: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_a_tree() {
        let text = b"<?xml version=\"1.0\"?>\n<a xmlns=\"http://ec2\"><set><item><id>i-1</id><note>x &amp; &#65;<![CDATA[<y>]]></note></item><item/></set><next>t</next></a>";
        let root = Element::parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.text_of("next"), root.text_of("none")), ("a", "t", ""));
        assert_eq!(root.find("note").unwrap().text, "x & A<y>");
        let items = root.into_items("set");
        assert_eq!((items.len(), items[0].text_of("id")), (2, "i-1"));
    }

    #[test]
    fn what_is_no_whole_document_is_refused_in_words() {
        let refused = |text: &str| Element::parse(text.as_bytes()).unwrap_err();
        assert_eq!(refused("<a><b></b>"), "it ends before its root element does");
        assert_eq!(refused(""), "it ends before its root element does");
        assert!(refused("<a></b>").starts_with("the answer is not XML: "));
        assert_eq!(refused("<a>&x;</a>"), "the entity `&x;` is not known");
        assert_eq!(refused(&"<a>".repeat(65)), "elements are more than 64 deep");
    }
}
