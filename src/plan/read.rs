//! Reads a recorded plan back, and refuses one whose schema is another.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a recorded plan can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// There is no such file: the folder is no bundle, or a rendered copy of one.
    #[error("{}: there is no recorded plan\n  help: {}", .path.display(), bundle_instead(.path.parent().unwrap_or(.path)))]
    None {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file can't be read.
    #[error("{}: can't be read: {source}", .path.display())]
    Io {
        /// The plan's file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a plan.
    #[error("{}: this is not a recorded plan: {source}", .path.display())]
    Malformed {
        /// The plan's file.
        path: PathBuf,
        /// What is wrong, with its line and column.
        source: serde_json::Error,
    },
    /// Another version recorded it.
    #[error("{}: this plan has schema {found}, and this version of anarcho-chimp reads schema {known}\n  help: {}", .path.display(), hint(*.found, *.known))]
    OtherSchema {
        /// The plan's file.
        path: PathBuf,
        /// What the file says.
        found: u32,
        /// What is read.
        known: u32,
    },
}

fn hint(found: u32, known: u32) -> &'static str {
    if found > known {
        "a newer version of anarcho-chimp recorded it: update this one"
    } else {
        "since then faults have other names, or a seed draws other victims; run the features or the attack again instead, or use the version of anarcho-chimp that recorded the plan to replay or judge it"
    }
}

/// What to name instead of a folder that is no run's.
pub fn bundle_instead(folder: &Path) -> String {
    let shown = folder.display();
    let holds = |name: &str| folder.join(name).exists();
    if !folder.exists() {
        return format!("name the folder of a run; {shown} does not exist");
    }
    if let Some(run) = run_in(folder) {
        return format!("name the folder of one run, such as `{}`", run.display());
    }
    if holds("attack.json") {
        return "name the folder of a run; this is an attack's, which `chimp replay` carries out again".into();
    }
    if holds("report.html") {
        return "name the folder that the run recorded; this is a copy that was rendered with `--to`".into();
    }
    format!(
        "name the folder of a run, to which it wrote `plan.json` and `env.json`; {shown} has neither a run nor runs in it"
    )
}

/// The latest run in a folder of runs.
fn run_in(folder: &Path) -> Option<PathBuf> {
    let is_run = |path: &PathBuf| path.join("plan.json").exists() || path.join("attack.json").exists();
    let inside = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    Some(folder.join("latest")).filter(is_run).or_else(|| inside.filter(is_run).max())
}

/// The one field that every version of a plan has.
#[derive(Deserialize)]
struct Versioned {
    schema: u32,
}

/// Reads a plan whose schema must be `known`.
///
/// # Errors
/// When the file can't be read, is no plan, or has another schema.
pub fn read_plan<T: DeserializeOwned>(path: &Path, known: u32) -> Result<T, PlanError> {
    let text = crate::text::read(path).map_err(|why| {
        let source = std::io::Error::from(why);
        match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => PlanError::None { path: path.into() },
            _ => PlanError::Io { path: path.into(), source },
        }
    })?;
    let malformed = |source| PlanError::Malformed { path: path.into(), source };
    let Versioned { schema: found } = serde_json::from_str(&text).map_err(malformed)?;
    if found != known {
        return Err(PlanError::OtherSchema { path: path.into(), found, known });
    }
    serde_json::from_str(&text).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, SCHEMA};

    fn read(text: &str) -> Result<Plan, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        std::fs::write(&path, text).unwrap();
        let told = |why: PlanError| why.to_string().replace(&format!("{}/", folder.path().display()), "");
        read_plan(&path, SCHEMA).map_err(told)
    }

    #[test]
    fn a_plan_of_this_schema_is_read() {
        let plan = Plan { schema: SCHEMA, seed: 7, environment: "local".into(), scenarios: Vec::new() };
        assert_eq!(read(&serde_json::to_string(&plan).unwrap()), Ok(plan));
    }

    #[test]
    fn an_older_plan_is_refused_with_both_versions_and_what_to_do() {
        // Its other fields may have any form.
        let why = read(r#"{ "schema": 1, "seed": 7, "scenarios": "in another form" }"#).unwrap_err();
        let told =
            "plan.json: this plan has schema 1, and this version of anarcho-chimp reads schema 4\n  help: since then";
        assert!(why.starts_with(told) && why.contains("run the features or the attack again"), "{why}");
    }

    #[test]
    fn a_newer_plan_asks_for_an_update() {
        let why = read(r#"{ "schema": 99 }"#).unwrap_err();
        assert!(why.contains("has schema 99") && why.ends_with("update this one"), "{why}");
    }

    #[test]
    fn a_folder_without_a_plan_is_answered_with_one_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display().to_string();
        let told = |inside: &str| {
            let read: Result<Plan, PlanError> = read_plan(&folder.path().join(inside).join("plan.json"), SCHEMA);
            read.unwrap_err().to_string().replace(&here, "HERE")
        };
        let write = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        };
        let help = "HERE/plan.json: there is no recorded plan\n  help: ";
        assert_eq!(
            told("nowhere"),
            format!("{}name the folder of a run; HERE/nowhere does not exist", help.replace("HERE", "HERE/nowhere"))
        );
        assert!(told("").ends_with("HERE has neither a run nor runs in it"), "{}", told(""));
        write("report.html");
        assert!(told("").ends_with("a copy that was rendered with `--to`"));
        write("attack.json");
        assert!(told("").contains("`chimp replay`"));
        write("2026-11-28T10-00-00Z-7/plan.json");
        write("2026-11-28T11-00-00Z-7/plan.json");
        assert_eq!(told(""), format!("{help}name the folder of one run, such as `HERE/2026-11-28T11-00-00Z-7`"));
        write("latest/plan.json");
        assert_eq!(told(""), format!("{help}name the folder of one run, such as `HERE/latest`"));
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_place() {
        assert!(read("[]").unwrap_err().starts_with("plan.json: this is not a recorded plan"));
        let why = read(&format!("{{ \"schema\": {SCHEMA},\n  \"seed\": true }}")).unwrap_err();
        assert!(why.contains("line 2 column"), "{why}");
    }
}
