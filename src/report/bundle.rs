//! Which reports there are, and how they come into a run's bundle.
//!
//! To add a report: one file with a [`Report`], one row in [`REPORTS`].

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::html::Html;
use super::junit::Junit;
use super::run_json::RunJson;
use super::summary::Summary;
use super::{JudgedRun, Report};

/// Every report of a bundle, in the order in which they are written.
pub const REPORTS: &[&(dyn Report + Sync)] = &[&RunJson, &Summary, &Junit, &Html];

/// A report that another crate adds: see [`register!`](crate::register).
#[derive(Clone, Copy)]
pub struct RegisteredReport {
    /// What it renders.
    pub report: &'static (dyn Report + Sync),
    /// The file and the line.
    pub place: (&'static str, u32),
}

cucumber::codegen::collect!(RegisteredReport);

/// What a run or an attack records beside its reports.
const RECORDED: [&str; 8] =
    ["plan.json", "attack.json", "env.json", "journal.ndjson", "events.ndjson", "scenarios", "nodes", "reconciler"];

/// Those that are linked in, by place.
pub fn registered() -> Vec<RegisteredReport> {
    let mut all: Vec<RegisteredReport> =
        cucumber::codegen::inventory::iter::<RegisteredReport>.into_iter().copied().collect();
    all.sort_by_key(|registered| registered.place);
    all
}

/// What a bundle holds without registered reports.
pub fn shipped_names() -> Vec<&'static str> {
    REPORTS.iter().map(|report| report.file_name()).chain(RECORDED).collect()
}

/// Renders every report into `dir`, each atomically: a reader sees the old file or the whole new one.
///
/// # Errors
/// Those of the file system, with the path in the message. Reports before the failing one are written.
pub fn write_all(run: &JudgedRun, dir: &Path) -> io::Result<()> {
    let own = registered().into_iter().map(|own| own.report);
    REPORTS.iter().copied().chain(own).try_for_each(|report| {
        let path = dir.join(report.file_name());
        write(report, run, &path).map_err(|why| io::Error::new(why.kind(), format!("{}: {why}", path.display())))
    })
}

fn write(report: &dyn Report, run: &JudgedRun, path: &Path) -> io::Result<()> {
    let beside = path.with_file_name(format!(".{}.part", report.file_name()));
    let written = write_whole(report, run, &beside).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_whole(report: &dyn Report, run: &JudgedRun, path: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    report.render(run, &mut out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::report::sample;

    /// Set `REPORT_SAMPLE_DIR` to look at what it writes.
    fn folder(name: &str) -> (std::path::PathBuf, bool) {
        match env::var_os("REPORT_SAMPLE_DIR") {
            Some(dir) => (Path::new(&dir).join(name), true),
            None => (env::temp_dir().join(format!("chimp-bundle-{name}-{}", std::process::id())), false),
        }
    }

    #[test]
    fn every_report_is_written_and_nothing_else() {
        let (dir, keep) = folder("whole");
        fs::create_dir_all(&dir).unwrap();
        write_all(&sample::run(), &dir).unwrap();
        let mut names: Vec<String> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "hostile" && name != "single")
            .collect();
        names.sort();
        assert_eq!(names, ["junit.xml", "report.html", "run.json", "summary.md"]);
        if keep {
            let mut single = sample::run();
            single.record.scenarios.remove(0);
            single.record.scenarios.truncate(1);
            for (name, run) in [("hostile", sample::hostile()), ("single", single)] {
                fs::create_dir_all(dir.join(name)).unwrap();
                write_all(&run, &dir.join(name)).unwrap();
            }
        } else {
            fs::remove_dir_all(&dir).unwrap();
        }
    }

    #[test]
    fn the_same_run_gives_the_same_bytes() {
        for report in REPORTS {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            report.render(&sample::run(), &mut first).unwrap();
            report.render(&sample::run(), &mut second).unwrap();
            assert!(first == second, "{} differs between two renderings", report.file_name());
            assert!(!first.is_empty());
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_is_named_in_the_error() {
        let error = write_all(&sample::run(), Path::new("/nowhere/at/all")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all/run.json"), "{error}");
    }

    #[test]
    fn run_json_reads_back_as_the_same_record() {
        let mut bytes = Vec::new();
        RunJson.render(&sample::run(), &mut bytes).unwrap();
        let back: crate::report::RunRecord = serde_json::from_slice(&bytes).unwrap();
        assert!(back == sample::run().record, "a figure changed on the way through JSON");
    }
}
