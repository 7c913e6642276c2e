//! What shows that something in a cloud was made by this program, and by which run of it.
//!
//! | what | carries it as |
//! |---|---|
//! | server | the metadata `chimp_run` |
//! | port, security group, floating IP | the tags `anarcho-chimp` and `chimp-run=RUN`, and from its first moment the description |

use serde_json::Value;

/// The key of a server's metadata that names its run.
pub(crate) const RUN: &str = "chimp_run";
/// The tag of everything that this program made.
const OURS: &str = "anarcho-chimp";
/// How the tag begins that names a run.
const OF_RUN: &str = "chimp-run=";

/// The run that something is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    run: String,
}

impl Mark {
    /// That of a run, by its id.
    pub(crate) fn new(run: &str) -> Mark {
        Mark { run: run.into() }
    }

    /// The run's id.
    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    /// Neutron's tags.
    pub(super) fn tags(&self) -> [String; 2] {
        [OURS.into(), format!("{OF_RUN}{}", self.run)]
    }

    /// The description of one thing, which no other has.
    pub(super) fn description(&self) -> String {
        format!("{OURS} {OF_RUN}{} {:016x}", self.run, rand::random::<u64>())
    }
}

/// The run that made a thing of Neutron's; `None` where no run did.
pub(super) fn run_of(thing: &Value) -> Option<String> {
    let tags = || thing.get("tags")?.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<&str>>>();
    let description = thing.get("description").and_then(Value::as_str).unwrap_or_default();
    tags().and_then(|tags| run_in(&tags)).or_else(|| run_in(&description.split(' ').collect::<Vec<_>>()))
}

fn run_in(words: &[&str]) -> Option<String> {
    let run = words.iter().find_map(|word| word.strip_prefix(OF_RUN))?;
    (words.contains(&OURS) && !run.is_empty()).then(|| run.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_made_leads_back_to_its_run_by_its_tags_or_its_description() {
        let mark = Mark::new("2026-11-29T01-10-18Z-7");
        let run = Some(mark.run().to_string());
        assert_eq!(run_of(&json!({ "tags": mark.tags(), "description": "" })), run);
        assert_eq!(run_of(&json!({ "tags": [], "description": mark.description() })), run);
        assert_eq!(run_of(&json!({ "description": mark.description() })), run, "a cloud without tags");
        assert_ne!(mark.description(), mark.description());
    }

    #[test]
    fn what_was_made_by_others_has_no_run() {
        for other in [
            json!({ "tags": ["chimp-run=1"], "description": "" }),
            json!({ "tags": ["anarcho-chimp"], "description": "the port of anarcho-chimp" }),
            json!({ "tags": null, "description": null }),
            json!({ "tags": ["anarcho-chimp", "chimp-run="] }),
        ] {
            assert_eq!(run_of(&other), None, "{other}");
        }
    }
}
