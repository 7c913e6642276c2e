//! Whether the requests of a run can be made: a certificate that is read, variables that are set. A run would fail on them.

use std::path::Path;

use super::error::{Problem, ProblemKind};
use crate::load::{PreparedRequest, RequestError};
use crate::settings::RequestSettings;
use crate::text;

/// Everything in `[request]` that can't be sent, at its line in the file of settings, where there is one.
pub(super) fn wrong(settings: &RequestSettings, config: Option<&Path>) -> Vec<Problem> {
    PreparedRequest::wrong(settings).iter().map(|why| problem(why, config)).collect()
}

fn problem(why: &RequestError, config: Option<&Path>) -> Problem {
    let text = config.and_then(|file| text::read(file).ok()).unwrap_or_default();
    let line = line_of(&text, "[request", why.field());
    let help = why.help().map_or(String::new(), |help| format!("\n  help: {help}"));
    Problem {
        file: config.map(Into::into),
        line,
        column: None,
        kind: ProblemKind::Access,
        detail: format!("{why}{help}"),
        used_at: Vec::new(),
    }
}

/// The line of a file of settings that sets a field of a section, such as `[request`, or of a part of it, as far as it is written
/// plainly; else that of the section.
fn line_of(text: &str, section: &str, field: &str) -> Option<usize> {
    let sets = |line: &str| {
        line.match_indices(field).any(|(at, _)| {
            let whole = !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '-');
            whole && line[at + field.len()..].trim_start_matches(['"', '\'']).trim_start().starts_with('=')
        })
    };
    let mut begun = None;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            begun = if line.starts_with(section) { begun.or(Some(index + 1)) } else { None };
        } else if begun.is_some() && !line.starts_with('#') && sets(line) {
            return Some(index + 1);
        }
    }
    let start = text.lines().position(|line| line.trim_start().starts_with(section));
    start.map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_that_can_t_be_sent_is_reported_with_its_line_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("chimp.toml");
        let text = "[load]\nusers = 3\n[request]\nscheme = \"https\"\nca = \"/no/such.pem\"\npath = \"shop\"\n\
                    [request.headers]\nX-Fine = \"yes\"\n\"X-Token\" = \"${CHIMP_NO_SUCH_VARIABLE}\"\n\
                    \"X Y\" = \"no name\"\n[steady]\npath = 3\n";
        std::fs::write(&config, text).unwrap();
        let settings = RequestSettings {
            scheme: crate::settings::Scheme::Https,
            ca: Some("/no/such.pem".into()),
            path: "shop".into(),
            headers: [("X-Fine", "yes"), ("X-Token", "${CHIMP_NO_SUCH_VARIABLE}"), ("X Y", "no name")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            ..RequestSettings::default()
        };
        let told: Vec<String> = wrong(&settings, Some(&config))
            .iter()
            .map(|problem| problem.to_string().replace(&format!("{}/", folder.path().display()), ""))
            .collect();
        assert_eq!(
            told,
            [
                "chimp.toml:10: `request.headers.X Y`: this is not a header name",
                "chimp.toml:9: `request.headers.X-Token`: the environment variable `CHIMP_NO_SUCH_VARIABLE` is not set\n  \
                 help: set it where chimp is started: export CHIMP_NO_SUCH_VARIABLE=…",
                "chimp.toml:5: `request.ca`: /no/such.pem: No such file or directory (os error 2)\n  \
                 help: name a PEM file, by its path relative to the working directory",
                "chimp.toml:6: `request.path`: `shop` is not a path: it begins with `/` and is percent-encoded",
            ]
        );
        assert_eq!(wrong(&RequestSettings::default(), None), []);
    }
}
