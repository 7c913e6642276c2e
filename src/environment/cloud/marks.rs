//! What is written on a server in a cloud about what it stands for: metadata or tags, beside the run that made it.

use std::collections::BTreeMap;

use crate::infrastructure::Server as Declared;

pub(in crate::environment) const SCENARIO: &str = "chimp_scenario";
pub(in crate::environment) const SERVER: &str = "chimp_server";
pub(in crate::environment) const ROLE: &str = "chimp_role";
pub(in crate::environment) const ZONE: &str = "chimp_zone";
pub(in crate::environment) const TAGS: &str = "chimp_tags";
/// How much of a text the clouds hold, in bytes.
const LONGEST: usize = 255;

/// Those of a server of the scenario of this index.
pub(in crate::environment) fn of_server(
    scenario: &str,
    name: &str,
    declared: Option<&Declared>,
) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([(SCENARIO.into(), scenario.into()), (SERVER.into(), name.into())]);
    let Some(declared) = declared else { return all };
    all.insert(ROLE.into(), cut(&declared.role));
    all.extend(declared.zone.iter().map(|zone| (ZONE.into(), cut(zone))));
    if !declared.tags.is_empty() {
        all.insert(TAGS.into(), cut(&declared.tags.join(",")));
    }
    all
}

fn cut(text: &str) -> String {
    let end = (0..=text.len().min(LONGEST)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].into()
}
