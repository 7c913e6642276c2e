//! Imports run one way: a module imports only from modules in rows below its own of the table in `src/lib.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[path = "support/sources.rs"]
mod sources;

use sources::sources;

/// Module to row, from the top.
type Layers = BTreeMap<String, usize>;

fn layers() -> Layers {
    let map = fs::read_to_string("src/lib.rs").unwrap();
    let table = map.split("// # Layers").nth(1).expect("src/lib.rs has a table of layers");
    let rows = table.lines().skip_while(|line| !line.starts_with("// |---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with("// |"));
    rows.enumerate()
        .flat_map(|(row, line)| {
            let modules = line.split('|').nth(1).unwrap_or_default().split(',');
            modules.map(move |module| (module.trim().trim_matches('`').to_string(), row))
        })
        .collect()
}

/// The module path of a source file: `src/a/mod.rs` is `[a]`, `src/a/b.rs` is `[a, b]`.
fn module_of(file: &Path) -> Vec<String> {
    let below = file.strip_prefix("src").unwrap_or(file).with_extension("");
    let mut path: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    path.pop_if(|last| last == "mod");
    path
}

/// Tests may look anywhere.
fn is_of_tests(file: &Path) -> bool {
    let text = file.display().to_string();
    text.ends_with("tests.rs") || text.ends_with("test_server.rs") || text.starts_with("src/report/sample/")
}

/// The code of a file, without comments, texts and the tests at its end.
fn code_of(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The top-level modules that `crate::…` and `super::…` of this code lead to.
fn imports(code: &str, module: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if whole {
            found.extend(first_names(&code[at + "crate::".len()..]));
        }
    }
    let up = "super::".repeat(module.len());
    for (at, _) in code.match_indices(&up).filter(|_| !module.is_empty()) {
        if !code[..at].ends_with("super::") {
            found.extend(first_names(&code[at + up.len()..]));
        }
    }
    found
}

/// The names at the start of a path, or of each path of a group in braces.
fn first_names(path: &str) -> Vec<String> {
    let name =
        |text: &str| -> String { text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// What imports from its own row or one above, each with the file.
fn upwards(layers: &Layers) -> Vec<String> {
    let files = ["src", "steps"].into_iter().flat_map(|folder| sources(Path::new(folder)));
    let mut wrong = Vec::new();
    for file in files.filter(|file| !is_of_tests(file)) {
        let module = module_of(&file);
        let Some(row) = module.first().and_then(|top| layers.get(top)) else { continue };
        for import in imports(&code_of(&fs::read_to_string(&file).unwrap()), &module) {
            if layers.get(&import).is_some_and(|other| import != module[0] && other <= row) {
                wrong.push(format!("{}: {} imports {import}", file.display(), module[0]));
            }
        }
    }
    wrong
}

#[test]
fn no_import_runs_upwards() {
    let wrong = upwards(&layers());
    assert!(wrong.is_empty(), "the table in src/lib.rs has them the other way around:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_layer() {
    let layers = layers();
    let declared = fs::read_to_string("src/lib.rs").unwrap();
    let modules = declared.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    let modules: BTreeSet<&str> = modules.collect();
    let placed: BTreeSet<&str> = layers.keys().map(String::as_str).collect();
    assert_eq!(modules, placed, "the modules of the crate, and those in the table of layers");
}

/// What another crate can use of this one.
const PUBLIC: [&str; 5] = ["StepError", "World", "extend", "params", "register"];

/// What of a plug-in's code no other crate could write: names of this crate that are not for others, and paths out of the plug-in's folder, which
/// begin with `out`.
fn private(code: &str, out: &str) -> BTreeSet<String> {
    let mut found = imports(code, &[]);
    found.extend(code.contains(out).then(|| out.to_string()));
    for (at, path) in code.match_indices("anarcho_chimp::") {
        let names = first_names(&code[at + path.len()..]);
        found.extend(names.into_iter().filter(|name| !PUBLIC.contains(&name.as_str())));
    }
    found
}

#[test]
fn the_plug_in_of_the_site_uses_what_another_crate_can_use_and_nothing_else() {
    let files = sources(Path::new("fixtures/site/plugin"));
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let out = if file.ends_with("mod.rs") { "super::" } else { "super::super::" };
        let found = private(&code_of(&fs::read_to_string(&file).unwrap()), out);
        assert_eq!(found, BTreeSet::new(), "{}", file.display());
    }
}

#[test]
fn what_no_other_crate_can_use_is_found() {
    let found = |code: &str| private(code, "super::super::").into_iter().collect::<Vec<_>>();
    assert!(found("use anarcho_chimp::extend::{User, json};\nuse anarcho_chimp::{StepError, World};").is_empty());
    assert!(found("use super::op::{Op, What};").is_empty());
    assert_eq!(found("use anarcho_chimp::history::Work;"), ["history"]);
    assert_eq!(found("use anarcho_chimp::{World, plan::Plan};"), ["plan"]);
    assert_eq!(found("fn a() { crate::history::b() }"), ["history"]);
    assert_eq!(found("use super::super::history::Work;"), ["super::super::"]);
}

#[test]
fn an_import_that_runs_upwards_is_found() {
    let mut layers = layers();
    let (top, ground) = (layers["cli"], layers["units"]);
    layers.extend([("cli".to_string(), ground), ("units".to_string(), top)]);
    assert!(upwards(&layers).iter().any(|wrong| wrong.ends_with("cli imports units")));
    let module = ["a".to_string(), "b".to_string()];
    let code = "use crate::{c::{D, E}, f};\nuse super::super::g::H; fn i() { crate::j::k(); super::l() }";
    assert_eq!(imports(code, &module), ["c", "f", "g", "j"].map(String::from).into());
}
