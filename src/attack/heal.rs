//! `chimp heal`: undoes what a journal holds open, after whatever crash.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::execute::{PLAN_FILE, take_away};
use super::{AttackError, place};
use crate::clock::Clock;
use crate::console::{complain, say};
use crate::environment::Reopened;
use crate::exit;
use crate::history::Recorder;
use crate::infrastructure::Infrastructure;
use crate::journal::{self, Entry, Journal, Note, PlannedStrike, Stage};
use crate::nemesis::{self, Sabotage, StrikeContext};
use crate::plan::bundle_instead;
use crate::provider::Provider;
use crate::run::bundle;
use crate::settings::Safeguards;

/// The bundle that somebody named.
///
/// # Errors
/// When it is none: a misspelt name must not read as `nothing is open`.
pub fn named_bundle(named: &Path) -> Result<PathBuf, AttackError> {
    if [journal::FILE, PLAN_FILE, bundle::PLAN_FILE].iter().any(|file| named.join(file).is_file()) {
        return Ok(named.into());
    }
    let help = bundle_instead(named);
    Err(AttackError::Usage(format!("{}: is no bundle: it has no plan and no journal\n  help: {help}", named.display())))
}

/// The bundles below a folder whose journals hold something open, by name.
///
/// # Errors
/// When there is no such folder, since a misspelt name must not read as `nothing is open`; when it or a journal can't be
/// read.
pub fn open_bundles(out: &Path) -> Result<Vec<PathBuf>, AttackError> {
    let entries = std::fs::read_dir(out).map_err(|why| {
        let help = "change to the folder in which the run was started; or name the folder with its bundles, `chimp heal --out DIR`, or its own \
                    bundle, `chimp heal DIR/RUN`";
        let out = std::path::absolute(out).unwrap_or_else(|_| out.into());
        AttackError::Usage(format!("{}: bundles can't be looked for here: {why}\n  help: {help}", out.display()))
    })?;
    let mut bundles: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| !path.is_symlink() && path.join(journal::FILE).is_file())
        .collect();
    bundles.sort();
    let mut open = Vec::new();
    for bundle in bundles {
        if !journal::open_strikes(&read(&bundle)?).is_empty() {
            open.push(bundle);
        }
    }
    Ok(open)
}

/// Undoes what one bundle's journal holds open; says what it found and did; twice in a row is fine.
///
/// # Errors
/// When the journal can't be read or written, or the place of its victims can't be reached though it is there.
pub async fn heal(bundle: &Path, passwords: Option<PathBuf>) -> Result<u8, AttackError> {
    let entries = read(bundle)?;
    let open = journal::open_strikes(&entries);
    if open.is_empty() {
        say!("{}: nothing is open", bundle.display());
        return Ok(exit::PASS);
    }
    say!("{}: {} open in its journal", bundle.display(), strikes(open.len()));
    let in_bundle = |source| AttackError::Bundle { path: bundle.into(), source };
    let journal = Arc::new(Journal::open(bundle).map_err(in_bundle)?);
    let at = journal::place(&entries).ok_or_else(|| placeless(bundle))?;
    let Reopened { provider, infrastructure, .. } = match place::open(at, passwords).await {
        Err(AttackError::Gone { detail, .. }) => {
            say!("  nothing is left to undo: {detail}");
            journal.note(Note::Gone { detail }).map_err(in_bundle)?;
            return Ok(exit::PASS);
        }
        reopened => reopened?,
    };
    let context = Arc::new(strike_context(provider, infrastructure, journal, bundle));
    let mut all = true;
    for planned in open {
        all &= heal_one(&context, planned).await;
    }
    take_away(&*context.provider).await;
    Ok(if all { exit::PASS } else { exit::CLEANUP })
}

/// [Heals](heal) several bundles; one that can't be healed is complained of, and keeps no other from being healed. The
/// exit code is the worst.
pub async fn heal_each(bundles: &[PathBuf], passwords: Option<PathBuf>) -> u8 {
    let mut worst = exit::PASS;
    for bundle in bundles {
        let code = heal(bundle, passwords.clone()).await.unwrap_or_else(|why| {
            complain!("chimp: {why}");
            if matches!(why, AttackError::Usage(_)) { exit::USAGE } else { exit::COULD_NOT_TELL }
        });
        worst = worst.max(code);
    }
    worst
}

async fn heal_one(context: &Arc<StrikeContext>, planned: &PlannedStrike) -> bool {
    let healed = nemesis::heal_planned(context, planned).await;
    let (server, id) = (&planned.strike.server, &planned.id.0);
    let told = match &healed {
        Ok(true) => format!("{server}: healed (strike {id})"),
        Ok(false) => format!("{server}: NOT healed (strike {id}); the journal says why"),
        Err(why) => format!("{server}: NOT healed (strike {id}): {why}"),
    };
    say!("  {told}");
    if let Err(why) = &healed {
        let note = Note::Reached { id: planned.id.clone(), stage: Stage::HealFailed, detail: why.to_string() };
        let _ = context.journal.note(note);
    }
    healed.unwrap_or(false)
}

/// What is open can't be undone where its servers are unknown, and nothing says that they are gone.
fn placeless(bundle: &Path) -> AttackError {
    let path = bundle.join(journal::FILE);
    let help = "restore its line with `\"note\":\"began\"`, which a journal starts with";
    AttackError::Usage(format!("{}: does not say where its servers are\n  help: {help}", path.display()))
}

fn strike_context(
    provider: Arc<dyn Provider>,
    infrastructure: Infrastructure,
    journal: Arc<Journal>,
    bundle: &Path,
) -> StrikeContext {
    let (recorder, _) = Recorder::memory(Clock::start());
    let prefix = bundle.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (lease, sabotage) = (Duration::ZERO, Sabotage::default());
    let (services, safeguards) = (BTreeMap::new(), Safeguards::default());
    let infrastructure = Arc::new(infrastructure);
    StrikeContext { provider, infrastructure, recorder, journal, prefix, lease, services, safeguards, sabotage }
}

fn read(bundle: &Path) -> Result<Vec<Entry>, AttackError> {
    journal::read(bundle).map_err(|source| AttackError::Bundle { path: bundle.into(), source })
}

fn strikes(count: usize) -> String {
    if count == 1 { "1 strike".into() } else { format!("{count} strikes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_folder_nothing_is_said_to_be_closed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open_bundles(folder.path()).unwrap().is_empty());
        let why = open_bundles(&folder.path().join("nowhere")).unwrap_err().to_string();
        assert!(why.contains("nowhere: bundles can't be looked for here") && why.contains("--out DIR"), "{why}");
    }

    #[test]
    fn a_misspelt_bundle_is_not_one_with_nothing_open() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| named_bundle(path).unwrap_err().to_string();
        assert!(told(&folder.path().join("lates")).contains("is no bundle"));
        assert!(told(folder.path()).contains("has neither a run nor runs in it"));
        std::fs::write(folder.path().join(bundle::PLAN_FILE), "{}").unwrap();
        assert_eq!(named_bundle(folder.path()).unwrap(), folder.path());
    }

    /// What a crash left: a strike that was made, at this place.
    fn left_open(folder: &Path, began: &str) {
        let strike = r#"{"server":"box","before":{"state":"running"},"inject":{"power":"freeze"},"witness":{"state":"frozen"},"then":null,"heal":{"action":{"power":"thaw"},"witness":{"state":"running"}}}"#;
        let planned = format!(r#""note":"planned","id":"a-0-0","strike":{strike},"instance":"box","lease":"30s""#);
        let lines = [began, &planned].map(|note| format!("{{\"at\":\"2026-11-27T10:00:00Z\",{note}}}\n"));
        std::fs::write(folder.join(journal::FILE), lines.concat()).unwrap();
    }

    fn began(place: &str) -> String {
        format!(r#""note":"began","place":{place},"seed":1,"plan_sha256":"00""#)
    }

    #[tokio::test]
    async fn what_ended_with_its_place_is_closed_in_journals_of_every_version() {
        for place in [
            r#""sandbox""#,
            r#"{"local":null}"#,
            r#"{"keeper":{"socket":"/nowhere/chimp.sock"}}"#,
            r#"{"testbed":{"socket":"/nowhere/chimp.sock"}}"#,
        ] {
            let folder = tempfile::tempdir().unwrap();
            left_open(folder.path(), &began(place));
            assert_eq!(heal(folder.path(), None).await.unwrap(), exit::PASS, "{place}");
            assert!(journal::open_strikes(&read(folder.path()).unwrap()).is_empty(), "{place}");
        }
    }

    #[tokio::test]
    async fn what_is_open_stays_open_where_its_place_is_not_known_to_have_ended() {
        for (began, told) in [
            (began(r#"{"mars":{}}"#), "there is no environment `mars`"),
            (began(r#"{"testbed":{"port":1}}"#), "of the environment `testbed` can't be read: missing field `socket`"),
            (began(r#"{"inventory":{"file":"/nowhere.yaml"}}"#), "/nowhere.yaml: can't be read"),
            (r#""note":"gone","detail":"""#.into(), "journal.ndjson: does not say where its servers are"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            left_open(folder.path(), &began);
            let why = heal(folder.path(), None).await.unwrap_err().to_string();
            assert!(why.contains(told), "{why}");
            assert_eq!(journal::open_strikes(&read(folder.path()).unwrap()).len(), 1, "{told}");
        }
    }

    #[tokio::test]
    async fn a_bundle_that_can_t_be_healed_keeps_no_other_from_being_healed() {
        let out = tempfile::tempdir().unwrap();
        for (name, place) in [("1", r#"{"mars":{}}"#), ("2", r#"{"local":null}"#)] {
            std::fs::create_dir(out.path().join(name)).unwrap();
            left_open(&out.path().join(name), &began(place));
        }
        let bundles = open_bundles(out.path()).unwrap();
        assert_eq!(heal_each(&bundles, None).await, exit::USAGE);
        assert_eq!(open_bundles(out.path()).unwrap(), [out.path().join("1")]);
    }
}
