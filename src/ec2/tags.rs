//! Tags: by what is found again what a run made. They are on it from its first moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::Ec2Error;
use super::query::Api;
use super::xml::Element;

/// The tag that names the run; what has none was made by others.
pub(crate) const RUN: &str = "chimp_run";
/// The tag that says when a thing was made, by the clock of the machine that asked for it: EC2 says it of instances alone.
const MADE: &str = "chimp_made";
/// What Amazon's console shows.
const NAME: &str = "Name";

/// Those of a thing.
pub(crate) type Tags = BTreeMap<String, String>;

/// The tags of a thing that a run makes now, beside what else is known of it.
pub(crate) fn of_run(run: &str, name: &str, more: Tags) -> Tags {
    let own = [(NAME, name.to_owned()), (RUN, run.to_owned()), (MADE, format!("{:.0}", Timestamp::now()))];
    own.map(|(key, value)| (key.to_owned(), value)).into_iter().chain(more).collect()
}

/// As they are sent with what makes a resource of this kind.
pub(super) fn specification(resource: &str, tags: &Tags) -> Vec<(String, String)> {
    let one = |name: &str, value: &str| (format!("TagSpecification.1.{name}"), value.to_owned());
    let each = (1..).zip(tags).flat_map(|(number, (key, value))| {
        [one(&format!("Tag.{number}.Key"), key), one(&format!("Tag.{number}.Value"), value)]
    });
    std::iter::once(one("ResourceType", resource)).chain(each).collect()
}

/// The tags in an answer.
pub(super) fn read(item: &Element) -> Tags {
    let listed = item.child("tagSet").map(|list| list.children.as_slice()).unwrap_or_default();
    listed.iter().map(|tag| (tag.text_of("key").into(), tag.text_of("value").into())).collect()
}

/// Something that a run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tagged {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) run: String,
    pub(super) made: Option<Timestamp>,
}

impl Tagged {
    /// `None` where no run made it.
    pub(super) fn new(id: &str, tags: &Tags) -> Option<Tagged> {
        let run = tags.get(RUN).filter(|run| !run.is_empty())?;
        let name = tags.get(NAME).cloned().unwrap_or_else(|| id.into());
        let made = tags.get(MADE).and_then(|text| text.parse().ok());
        Some(Tagged { id: id.into(), name, run: run.clone(), made })
    }
}

impl Api {
    /// All things in a list of EC2 that runs have made, each with the name of its id.
    ///
    /// # Errors
    /// EC2 refuses.
    pub(super) async fn tagged(&self, action: &str, list: &str, id: &str) -> Result<Vec<Tagged>, Ec2Error> {
        let ours = [("Filter.1.Name", "tag-key"), ("Filter.1.Value.1", RUN)];
        let items = self.list(action, list, &ours).await?;
        Ok(items.iter().filter_map(|item| Tagged::new(item.text_of(id), &read(item))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_made_leads_back_to_it_and_what_others_made_to_none() {
        let tags = of_run("2026-11-29T01-10-18Z-7", "web-1", Tags::from([("chimp_role".into(), "webserver".into())]));
        let found = Tagged::new("i-1", &tags).unwrap();
        assert_eq!((found.name.as_str(), found.run.as_str()), ("web-1", "2026-11-29T01-10-18Z-7"));
        assert!(found.made.is_some(), "{tags:?}");
        assert_eq!(Tagged::new("i-2", &Tags::from([("Name".into(), "web-1".into())])), None);
        let sent = specification("instance", &Tags::from([("a".into(), "b".into())]));
        let expected = [("ResourceType", "instance"), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")]
            .map(|(name, value)| (format!("TagSpecification.1.{name}"), value.to_owned()));
        assert_eq!(sent, expected);
    }
}
