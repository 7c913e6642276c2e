//! A file is about one thing, and a function fits on a screen: no file has more than 400 lines, no function more than 60.
//!
//! The sources are formatted, so a function ends at the first brace with its own indentation.

use std::fs;
use std::path::Path;

#[path = "support/sources.rs"]
mod sources;

use sources::sources;

/// How long a file may be, in lines.
const FILE: usize = 400;
/// How long a function may be, from its signature to its brace, in lines.
const FUNCTION: usize = 60;

/// Whether a function begins on this line; what it is called.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.trim_start().split_once("fn ")?;
    let marked = ["pub", "async", "const", "unsafe", "extern"].iter().any(|word| before.starts_with(word));
    let is_one = before.is_empty()
        || marked && before.ends_with(' ') && !before.contains(['=', ':', '"'])
        || before.starts_with("pub(in ");
    is_one.then(|| after.split(['(', '<']).next()).flatten()
}

/// The functions of a text that are too long: where, what, how long.
fn long_functions(text: &str) -> Vec<(usize, &str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function(line).filter(|_| !line.ends_with(['}', ';'])) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let is_end = |end: &&str| {
            end.strip_prefix(indentation)
                .is_some_and(|rest| rest == "}" || rest.ends_with(';') && !rest.starts_with(' '))
        };
        let length = 1 + lines[at..].iter().position(is_end).unwrap_or_else(|| panic!("{name} does not end"));
        if length > FUNCTION {
            found.push((at + 1, name, length));
        }
    }
    found
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for file in ["src", "steps", "tests", "benches", "fixtures/site/plugin"]
        .into_iter()
        .flat_map(|folder| sources(Path::new(folder)))
    {
        let text = fs::read_to_string(&file).unwrap();
        let length = text.lines().count();
        if length > FILE {
            wrong.push(format!("{}: {length} lines", file.display()));
        }
        let long = long_functions(&text).into_iter();
        wrong.extend(long.map(|(line, name, length)| format!("{}:{line}: {name} has {length} lines", file.display())));
    }
    assert!(wrong.is_empty(), "a file has at most {FILE} lines, a function {FUNCTION}:\n{}", wrong.join("\n"));
}

#[test]
fn a_function_that_is_too_long_is_found() {
    let body = "        step();\n".repeat(FUNCTION - 1);
    let text =
        format!("impl A {{\n    pub(in crate::a) async fn long<T>(\n        &self,\n    ) {{\n{body}    }}\n}}\n");
    assert_eq!(long_functions(&text), [(2, "long", FUNCTION + 3)]);
    let body = "    step();\n".repeat(FUNCTION - 2);
    assert_eq!(long_functions(&format!("fn short() {{\n{body}}}\nfn declared();\nfn one() {{}}\n")), []);
}
