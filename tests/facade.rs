//! What the crate offers to other crates: a snapshot of every item, with its fields, variants and functions.
//!
//! It is read from the sources, which are formatted: an item begins and ends at the left margin.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the sources of a module are, from its path in the crate.
fn sources(module: &str) -> Vec<PathBuf> {
    let root = if module.starts_with("steps") { "." } else { "src" };
    let place = Path::new(root).join(module.replace("::", "/"));
    let mut found: Vec<PathBuf> =
        fs::read_dir(&place).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    found.push(place.with_extension("rs"));
    found.retain(|path| path.is_file() && !path.ends_with("tests.rs"));
    found.sort();
    found
}

fn code(module: &str) -> String {
    let texts = sources(module).into_iter().map(|path| fs::read_to_string(path).unwrap());
    texts.map(|text| text.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_string() + "\n").collect()
}

/// The items at the left margin that begin like this, without comments, from their first line to their last.
fn items<'c>(code: &'c str, begins: &'c str) -> impl Iterator<Item = Vec<&'c str>> {
    let lines: Vec<&str> = code.lines().collect();
    let starts = (0..lines.len()).filter(move |&at| lines[at].starts_with(begins));
    let lines: Vec<&str> = code.lines().collect();
    starts.map(move |start| {
        let one_line = lines[start].ends_with([';', '}']);
        let ends = |line: &&str| line.starts_with(['}', ')']);
        let length = if one_line { 1 } else { lines[start..].iter().position(ends).expect("an item ends") + 1 };
        let marked = start > 0
            && lines[..start]
                .iter()
                .rev()
                .take_while(|line| line.starts_with('#'))
                .any(|line| *line == "#[non_exhaustive]");
        let item = lines[start..start + length].iter().copied();
        let item = item.filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("#["));
        marked.then_some("#[non_exhaustive]").into_iter().chain(item).collect()
    })
}

/// What other crates see of a type: its definition without private fields, and the signatures of its functions.
fn shown(code: &str, name: &str) -> String {
    let mut text = String::new();
    for kind in ["struct", "enum", "type", "fn"] {
        for item in items(code, &format!("pub {kind} {name}")).filter(|item| is_of(item, name)) {
            let seen =
                |line: &&str| kind != "struct" || !line.starts_with("    ") || line.trim_start().starts_with("pub ");
            match kind {
                "fn" => writeln!(text, "{}", signature(&item)).unwrap(),
                _ => item.into_iter().filter(seen).for_each(|line| writeln!(text, "{line}").unwrap()),
            }
        }
    }
    assert!(!text.is_empty(), "no definition of {name}");
    for own in items(code, "impl").filter(|item| is_own(item[0], name)) {
        for (at, _) in own.iter().enumerate().filter(|(_, line)| is_public_function(line)) {
            writeln!(text, "    {}", signature(&own[at..])).unwrap();
        }
    }
    text
}

fn is_public_function(line: &str) -> bool {
    ["pub fn ", "pub async fn ", "pub const "].iter().any(|begin| line.trim_start().starts_with(begin))
}

/// What comes before the body of the function that begins here, on one line.
fn signature(lines: &[&str]) -> String {
    let length = lines.iter().position(|line| line.ends_with(['{', ';'])).unwrap_or_default() + 1;
    let words = lines[..length].iter().flat_map(|line| line.split_whitespace());
    words.collect::<Vec<_>>().join(" ").trim_end_matches(" {").to_string()
}

/// Whether the item is called just so: `Act`, not `Action`.
fn is_of(item: &[&str], name: &str) -> bool {
    let first = item.iter().find(|line| line.starts_with("pub ")).unwrap();
    let rest = first.split_once(name).unwrap().1;
    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Whether this begins the type's own functions, no trait's.
fn is_own(line: &str, name: &str) -> bool {
    let of = line.trim_end_matches(" {").rsplit(' ').next().unwrap();
    !line.contains(" for ") && of.split('<').next() == Some(name)
}

/// The names of a `pub use`, each with the module that it comes from and what it is called there.
fn names(line: &str) -> Vec<(String, String)> {
    let path = line.trim_start_matches("pub use ").trim_end_matches(';');
    let path = path.split(" as ").next().unwrap();
    let (module, names) = path.rsplit_once("::{").or_else(|| path.rsplit_once("::")).unwrap();
    let names = names.trim_end_matches('}').split(',');
    names.map(|name| (module.to_string(), name.trim().to_string())).collect()
}

/// The public lines of `src/lib.rs`: all but the modules that are hidden.
fn public() -> Vec<String> {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let hidden = |at: usize| {
        lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| *line == "#[doc(hidden)]")
    };
    (0..lines.len())
        .filter(|&at| lines[at].starts_with("pub ") && !hidden(at))
        .map(|at| lines[at].to_string())
        .collect()
}

#[test]
fn what_other_crates_may_use_is_this_and_no_more() {
    let mut text = String::new();
    for line in public() {
        writeln!(text, "{line}").unwrap();
        let exported = if line.starts_with("pub use ") { names(&line) } else { Vec::new() };
        for (module, name) in exported.iter().filter(|(_, name)| name != "params") {
            let top = if module == "cli" { "cli/mod" } else { module };
            writeln!(text, "\n{}", shown(&code(top), name).trim_end()).unwrap();
        }
        text.push('\n');
    }
    // What extensions are made of may change; what there is may not without notice.
    let extend = fs::read_to_string("src/extend.rs").unwrap();
    extend
        .lines()
        .filter(|line| line.starts_with("pub use "))
        .for_each(|line| writeln!(text, "extend: {line}").unwrap());
    insta::assert_snapshot!(text);
}

#[test]
fn the_parameters_of_steps_are_these() {
    let code = code("steps::params");
    let mut text: Vec<String> = Vec::new();
    for kind in ["struct", "enum"] {
        for item in items(&code, &format!("pub {kind} ")) {
            let first = item.iter().find(|line| line.starts_with("pub ")).unwrap();
            let name = first.split(' ').nth(2).unwrap().split(['(', '{', ';', '<']).next().unwrap();
            text.push(shown(&code, name));
        }
    }
    text.sort();
    insta::assert_snapshot!(text.join("\n"));
}
