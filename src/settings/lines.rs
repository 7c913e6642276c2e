//! Where a `chimp.toml` says something.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistakes::place;

/// The line, from 1, of a setting, by the names of the tables above it and its own: `["ec2", "zones", "a"]`. Where it is not written,
/// that of the deepest of these tables; `None` where none is, or the text is no TOML.
pub(crate) fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    (1..=path.len()).rev().find_map(|length| line_of_all(text, &path[..length]))
}

/// The line of a setting, only where it is written itself.
pub(crate) fn line_of_all(text: &str, path: &[&str]) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (mut table, mut line) = (document.get_ref(), None);
    for (depth, name) in path.iter().enumerate() {
        let (key, value): (&Spanned<_>, &Spanned<DeValue<'_>>) =
            table.iter().find(|(key, _)| key.get_ref().as_ref() == *name)?;
        line = Some(place(text, key.span().start).0);
        match value.get_ref() {
            DeValue::Table(below) => table = below,
            _ if depth + 1 < path.len() => return None,
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_however_it_is_written_else_the_table_above_it() {
        let text =
            "[load]\nusers = 3\n\n[ec2]\nzones = { a = \"x\" }\n\"image\" = \"y\"\n[openstack.zones]\nb = \"z\"\n";
        let line = |path: &[&str]| line_of(text, path);
        assert_eq!(line(&["ec2", "zones", "a"]), Some(5));
        assert_eq!(line(&["ec2", "zones", "c"]), Some(5));
        assert_eq!(line(&["ec2", "image"]), Some(6));
        assert_eq!(line(&["ec2", "subnet"]), Some(4));
        assert_eq!(line(&["openstack", "zones", "b"]), Some(8));
        assert_eq!(line(&["openstack", "zones", "c"]), Some(7));
        assert_eq!((line(&["time"]), line_of("[load", &["load"])), (None, None));
        assert_eq!(line_of_all(text, &["ec2", "subnet"]), None);
        assert_eq!(line_of("ec2.zones.a = \"x\"\n", &["ec2", "zones", "a"]), Some(1));
    }
}
