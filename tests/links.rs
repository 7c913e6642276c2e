//! The documents: every relative link leads to a file or heading that exists, the README stays short, and the index of
//! `docs/` is complete.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The maximum number of lines of README.md.
const README_LINES: usize = 150;

/// Every file below a folder whose name fits, without hidden folders and what is built.
fn files(folder: &Path, fits: fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true if name.starts_with('.') || name == "target" => {}
            true => found.extend(files(&entry.path(), fits)),
            false if fits(&name) => found.push(entry.path()),
            false => {}
        }
    }
    found
}

/// Every document of the repository. A run's own summary, in its bundle below `reports/`, is none.
fn documents() -> Vec<PathBuf> {
    let is_reports = |folder: &Path| folder.ends_with("reports");
    let bundle = |path: &PathBuf| path.parent().is_some_and(|folder| folder.ancestors().skip(1).any(is_reports));
    files(Path::new("."), |name| name.ends_with(".md")).into_iter().filter(|path| !bundle(path)).collect()
}

/// The lines of a document outside fenced code.
fn prose(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        if !fenced && !is_fence {
            lines.push(line);
        }
    }
    lines
}

/// Where a document's links lead: what stands between `](` and the next `)`, outside code.
fn links(text: &str) -> Vec<String> {
    let text: String = prose(text).join("\n").split('`').step_by(2).collect();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_string()).collect()
}

/// A heading as GitHub names it: lower case, letters, digits, `-` and `_` kept, each space a `-`.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The anchors of a document; the second of two equal headings ends in `-1`.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::new();
    let mut found = BTreeSet::new();
    for line in prose(text).into_iter().filter(|line| line.starts_with('#')) {
        let anchor = slug(line.trim_start_matches('#'));
        let before: &mut usize = seen.entry(anchor.clone()).or_default();
        found.insert(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
        *before += 1;
    }
    found
}

/// `a/b/../c` as `a/c`.
fn straightened(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if straight.pop() => {}
            other => straight.push(other),
        }
    }
    straight
}

/// Whether a link of a document leads somewhere. Others' pages are not asked for.
fn leads_somewhere(document: &Path, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let folder = document.parent().unwrap_or(Path::new("."));
    let target = if file.is_empty() { document.to_path_buf() } else { straightened(&folder.join(file)) };
    target.exists() && anchor.is_none_or(|anchor| anchors(&fs::read_to_string(target).unwrap()).contains(anchor))
}

#[test]
fn every_link_leads_to_a_file_or_a_heading_that_exists() {
    let mut dead = Vec::new();
    for document in documents() {
        let found = links(&fs::read_to_string(&document).unwrap());
        let lost = found.iter().filter(|link| !leads_somewhere(&document, link));
        dead.extend(lost.map(|link| format!("{}: {link}", document.display())));
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
}

#[test]
fn the_readme_fits_on_a_few_screens() {
    let lines = fs::read_to_string("README.md").unwrap().lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines, more than {README_LINES}: move some to docs/");
}

#[test]
fn the_index_lists_every_file_of_docs() {
    let index = links(&fs::read_to_string("docs/README.md").unwrap());
    let listed: BTreeSet<PathBuf> = index.iter().map(|link| straightened(&Path::new("docs").join(link))).collect();
    let there = files(Path::new("docs"), |name| name != "README.md");
    let missing: Vec<&PathBuf> = there.iter().filter(|file| !listed.contains(*file)).collect();
    assert!(missing.is_empty(), "docs/README.md does not list {missing:?}");
}
