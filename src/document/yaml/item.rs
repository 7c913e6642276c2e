//! Reads one item of a document as a type of its own, so that what is wrong beside it hides nothing.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::PathSegment;

/// Walks down the path, and reads what is at its end.
pub(super) struct Item<'p, T> {
    path: &'p [PathSegment],
    kind: PhantomData<T>,
}

impl<'p, T> Item<'p, T> {
    pub(super) fn at(path: &'p [PathSegment]) -> Self {
        Item { path, kind: PhantomData }
    }
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Item<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        match self.path {
            [] => T::deserialize(deserializer).map(Some),
            _ => deserializer.deserialize_any(self),
        }
    }
}

macro_rules! leads_nowhere {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method<E: Error>(self, _: $kind) -> Result<Option<T>, E> { Ok(None) })*
    };
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Item<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any item")
    }

    leads_nowhere!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let Some((step, rest)) = self.path.split_first() else { return Ok(None) };
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if *step == PathSegment::Key(key) {
                found = map.next_value_seed(Item::at(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        let step = self.path.split_first();
        let mut index = 0;
        loop {
            match step {
                Some((PathSegment::Index(wanted), rest)) if *wanted == index => {
                    match items.next_element_seed(Item::at(rest))? {
                        Some(item) => found = item,
                        None => return Ok(found),
                    }
                }
                _ => {
                    if items.next_element::<IgnoredAny>()?.is_none() {
                        return Ok(found);
                    }
                }
            }
            index += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::document::yaml::{Source, at};

    #[test]
    fn an_item_is_read_though_another_is_malformed_and_a_mistake_in_it_has_its_place() {
        let text = "hosts:\n  - { name: 7, port: x }\n  - { name: b, port: 22 }\nlinks: no\n";
        let source = Source { path: "site.yaml".into(), text: text.into() };
        assert_eq!(source.parse_at::<String>(&at!["hosts", 1, "name"]), Ok(Some("b".into())));
        assert_eq!(source.parse_at::<String>(&at!["hosts", 2, "name"]), Ok(None));
        assert_eq!(source.parse_at::<String>(&at!["links", "from"]), Ok(None));
        let why = source.parse_at::<u16>(&at!["hosts", 0, "port"]).unwrap_err();
        assert_eq!((why.line, why.column), (Some(2), Some(22)), "{why}");
    }
}
