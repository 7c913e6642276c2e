//! What is wrong in a `chimp.toml`: all of it at once, each with its line and what to do.

use toml::de::Error;

use super::Settings;
use crate::document::words::plain;
use crate::document::yaml::form_hint;
use crate::document::{DocumentError, Mistakes};

/// So many mistakes are looked for: each takes one more reading.
const MOST: usize = 50;

/// Reads the text; where a line is wrong, it is read again without it, until no mistake is left.
///
/// # Errors
/// All mistakes, without the name of the file. Of what is no TOML the first.
pub(super) fn read(text: &str) -> Result<Settings, Mistakes> {
    let (mut left, mut mistakes) = (text.to_string(), Vec::new());
    while mistakes.len() < MOST {
        match toml::from_str(&left) {
            Ok(settings) if mistakes.is_empty() => return Ok(settings),
            Ok(_) => break,
            Err(why) => {
                mistakes.push(mistake(text, &why));
                let Some(rest) = without(&left, &why).filter(|rest| rest.parse::<toml::Table>().is_ok()) else { break };
                left = rest;
            }
        }
    }
    Err(Mistakes(mistakes))
}

fn mistake(text: &str, why: &Error) -> DocumentError {
    let (line, column) = why.span().map(|span| place(text, span.start)).unzip();
    let plain = plain(why.message().trim_end());
    let detail = field(why).map_or_else(|| plain.clone(), |field| format!("`{field}`: {plain}"));
    DocumentError { line, column, hint: form_hint(why.message()), ..DocumentError::new(detail) }
}

/// The setting that an error is about, such as `ec2.image`. toml shows it only where it has no text to show instead.
fn field(why: &Error) -> Option<String> {
    let mut bare = why.clone();
    bare.set_input(None);
    let shown = bare.to_string();
    let field = shown.strip_prefix(why.message())?.trim().strip_prefix("in `")?.strip_suffix('`')?;
    Some(field.into())
}

/// The line and column, from 1, of a byte.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The text with blanks in the place of the lines that are wrong: of a section's name, the whole section. `None` where it is not known
/// which they are, or they are blank already.
fn without(text: &str, why: &Error) -> Option<String> {
    let span = why.span()?;
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end_of_line = |from: usize| text[from..].find('\n').map_or(text.len(), |at| from + at);
    let end = match text[start..].trim_start().starts_with('[') {
        true => text[start..].find("\n[").map_or(text.len(), |at| start + at),
        false => end_of_line(span.end.clamp(start, text.len())),
    };
    let wrong = text.get(start..end).filter(|wrong| !wrong.trim().is_empty())?;
    let blank: String = wrong.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    Some(format!("{}{blank}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_told_at_once_each_with_its_line_and_what_is_meant() {
        let text = "[load]\nraet = 5\nrate = \"x\"\nusers = 5\ndeadline = 5\n\n[lod]\nrate = \"y\"\n\n[steady]\nwindow = \"0s\"\n";
        let Mistakes(all) = read(text).unwrap_err();
        let lines: Vec<_> = all.iter().map(|mistake| mistake.line).collect();
        let told = Mistakes(all).to_string();
        let mut sorted = lines.clone();
        sorted.sort();
        assert_eq!(sorted, [2, 3, 5, 7, 11].map(Some), "{told}");
        for part in [
            "unknown field `raet`",
            "help: did you mean `rate`?",
            "help: did you mean `load`?",
            "found the number 5, expected a duration such as \"5 s\"",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_its_line_its_field_and_what_was_expected() {
        for (text, line, told) in [
            ("[ec2]\nvirtual_ips = true\n", 2, "`ec2.virtual_ips`: found `true`, expected `elastic`"),
            ("[ec2]\nvirtual_ips = \"x\"\n", 2, "`ec2.virtual_ips`: unknown word `x`, expected `elastic`"),
            ("[ec2]\nimage = \"\"\n", 2, "`ec2.image`: found an empty text, expected a name, an id or a path"),
            ("[ec2]\ninstance_type = \" \"\n", 2, "`ec2.instance_type`: found an empty text"),
            ("[ec2]\nzones = { a = \"x\", b = \"\" }\n", 2, "`ec2.zones.b`: found an empty text"),
            ("[ec2]\nzones = { \"\" = \"x\" }\n", 2, "`ec2.zones`: found an empty text"),
            ("[ec2]\nsecurity_groups = []\n", 2, "`ec2.security_groups`: found an empty list, expected one name"),
            ("[openstack]\nflavor = 3\n", 2, "`openstack.flavor`: found the number 3, expected a string"),
            (
                "[openstack]\nprofile = 3\n",
                2,
                "`openstack.profile`: found the number 3, expected `full` or `rackspace`",
            ),
            (
                "[openstack]\nsecurity_groups = [\n\"a\",\n\"\"]\n",
                2,
                "`openstack.security_groups`: found an empty text",
            ),
            ("[openstack.zones]\na = true\n", 2, "`openstack.zones.a`: found `true`, expected a string"),
            ("[openstack.login]\nkey = \"\"\n", 2, "`openstack.login.key`: found an empty text"),
            (
                "[openstack]\nlogin = { host_keys = 1 }\n",
                2,
                "`openstack.login.host_keys`: found the number 1, expected `ignore`",
            ),
            ("[failover]\nfall = 0\n", 2, "`failover.fall`: 0 is too little; expected more than zero"),
            ("[failover]\nevery = 3\n", 2, "`failover.every`: found the number 3, expected a duration"),
            (
                "[auto_scaling]\nreplaces = \"nodes\"\n",
                2,
                "`auto_scaling.replaces`: found the text \"nodes\", expected a list",
            ),
            ("[database]\nwrite = 1\n", 2, "`database.write`: found the number 1, expected `active` or `round_robin`"),
            (
                "[config_agent]\nkind = 1\n",
                2,
                "`config_agent.kind`: found the number 1, expected `built_in` or `puppet`",
            ),
            ("[failover]\nfal = 1\n", 2, "`failover`: unknown field `fal`, expected one of"),
        ] {
            let Mistakes(all) = read(text).unwrap_err();
            let [one] = all.as_slice() else { panic!("{text}: {all:?}") };
            assert!(one.line == Some(line) && one.detail.starts_with(told), "{text}: {one}");
        }
    }

    #[test]
    fn of_what_is_no_toml_the_first_mistake_is_told() {
        let Mistakes(all) = read("[load\nrate = 5\n").unwrap_err();
        assert_eq!((all.len(), all[0].line), (1, Some(1)), "{all:?}");
    }
}
