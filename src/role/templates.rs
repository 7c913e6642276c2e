//! The templates of a role, before anything is rendered: how they are parsed, and that they speak only of what exists.
//!
//! What the names hold is listed in [`crate::render::context`].

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use super::{Role, RoleContent, file, shipped};
use crate::document::error::one_of;
use crate::document::yaml::{PathSegment, Source, at, locate};
use crate::document::{Checked, DocumentError};

/// The names at the top, as listed in [`crate::render::context`].
pub const NAMES: &[&str] = &["server", "servers", "backends", "peers", "virtual_ip", "site", "settings", "secrets"];

/// How templates are read, with the parts that shipped roles share.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("minijinja's own delimiters are valid"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(true);
    for (name, text) in shipped::PARTS {
        environment.add_template(name, text).expect("a test renders every shipped part");
    }
    environment
}

/// Checks the syntax of every template of a role, and that it speaks only of names that exist.
pub(crate) fn check(role: &Role, source: &Source) -> Checked<()> {
    let environment = environment();
    for (path, text, is_expression) in templates(role) {
        if let Some(at) = if is_expression { (text.len() > LONGEST).then_some(0) } else { long_expression(text) } {
            let detail = format!("an expression of more than {LONGEST} bytes");
            let hint = "close it with `}}` or `%}`, or write several shorter ones".into();
            return Err(error_at(source, &path, text, Some(at), detail, Some(hint)));
        }
        let (unknown, text) = if is_expression {
            let compiled = environment.compile_expression(text).map_err(|why| explain(source, &path, text, &why))?;
            (compiled.undeclared_variables(false), text)
        } else {
            let compiled = environment.template_from_str(text).map_err(|why| explain(source, &path, text, &why))?;
            (compiled.undeclared_variables(false), text)
        };
        let mut unknown: Vec<&String> = unknown.iter().filter(|name| !is_known(&environment, name)).collect();
        unknown.sort_by_key(|name| word_in(text, name));
        if let Some(name) = unknown.first() {
            let detail = format!("there is no `{name}` in a role's templates");
            let hint = one_of(name, "names", NAMES.iter().copied());
            return Err(error_at(source, &path, text, word_in(text, name), detail, Some(hint)));
        }
    }
    Ok(())
}

/// An expression of a template is at most so long, in bytes. The parser takes a piece of the stack for each operator.
const LONGEST: usize = 1_000;

/// Where the first expression or statement that is too long starts.
fn long_expression(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find("{{").into_iter().chain(text[at..].find("{%")).min().map(|next| at + next) {
        let end = if text[start..].starts_with("{{") { "}}" } else { "%}" };
        let length = text[start..].find(end).unwrap_or(text.len() - start);
        if length > LONGEST {
            return Some(start);
        }
        at = start + length.max(2);
    }
    None
}

/// Where a word stands by itself, not as a part of another or as a field.
fn word_in(text: &str, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let alone = |offset: &usize| {
        let (before, after) = (&text[..*offset], &text[offset + word.len()..]);
        !before.ends_with(part) && !after.starts_with(|c: char| part(c) && c != '.')
    };
    text.match_indices(word).map(|(offset, _)| offset).find(alone)
}

fn is_known(environment: &Environment, name: &str) -> bool {
    NAMES.contains(&name) || environment.globals().any(|(global, _)| global == name)
}

/// Every template of a role, where it is, and whether it is an expression (`when`).
fn templates(role: &Role) -> Vec<(Vec<PathSegment>, &str, bool)> {
    let mut all: Vec<(Vec<PathSegment>, &str, bool)> = Vec::new();
    for (index, file) in role.files.iter().enumerate() {
        all.extend(file.when.iter().map(|when| (at!["write_files", index, "when"].to_vec(), when.as_str(), true)));
        match &file.content {
            RoleContent::Template(text) => all.push((file::content_path(index).to_vec(), text, false)),
            RoleContent::MadeBy { command, .. } => {
                let at = |n| at!["write_files", index, "made_by", n].to_vec();
                all.extend(command.iter().enumerate().map(|(n, text)| (at(n), text.as_str(), false)));
            }
            RoleContent::Text(_) | RoleContent::Bytes(_) | RoleContent::Copy(_) | RoleContent::Program(_) => {}
        }
    }
    for (index, command) in role.run.iter().enumerate() {
        all.extend(
            command.iter().enumerate().map(|(n, text)| (at!["runcmd", index, n].to_vec(), text.as_str(), false)),
        );
    }
    for (index, service) in role.services.iter().enumerate() {
        let at = |rest: &[PathSegment]| [&at!["services", index][..], rest].concat();
        all.extend(service.when.iter().map(|when| (at(&at!["when"]), when.as_str(), true)));
        all.extend(service.command.iter().enumerate().map(|(n, text)| (at(&at!["command", n]), text.as_str(), false)));
        let value = |(name, text): (&'_ String, _)| (at(&at!["environment", name.as_str()]), text, false);
        all.extend(service.environment.iter().map(|(name, text)| value((name, text.as_str()))));
    }
    all
}

/// minijinja's error with the place in the role's file.
pub(crate) fn explain(source: &Source, path: &[PathSegment], template: &str, why: &minijinja::Error) -> DocumentError {
    let range = why.range().filter(|range| template.get(range.clone()).is_some_and(|text| !text.is_empty()));
    let offset = range.as_ref().map(|range| range.start).or_else(|| line_start(template, why.line()?));
    let found = range.and_then(|range| template.get(range)).map(|text| format!("`{}`", text.trim()));
    let told = why.detail().map(str::to_string);
    // An undefined value is named in the detail; of other errors the detail names no place.
    let parts = if why.kind() == ErrorKind::UndefinedError { [told.or(found), None] } else { [told, found] };
    let detail = ["template".to_string(), why.kind().to_string()].into_iter().chain(parts.into_iter().flatten());
    let detail = detail.collect::<Vec<_>>().join(": ");
    error_at(source, path, template, offset, detail, Some(hint(why)))
}

fn hint(why: &minijinja::Error) -> String {
    match why.kind() {
        ErrorKind::UndefinedError => {
            "what templates can speak of is listed in the documentation of roles; `is defined` asks first".into()
        }
        ErrorKind::SyntaxError => "templates are minijinja: `{{ value }}`, `{% if … %} … {% endif %}`".into(),
        _ => "correct the template".into(),
    }
}

fn line_start(template: &str, line: usize) -> Option<usize> {
    template.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum::<usize>().into()
}

/// An error `offset` bytes into the template at `path`.
fn error_at(
    source: &Source,
    path: &[PathSegment],
    template: &str,
    offset: Option<usize>,
    detail: String,
    hint: Option<String>,
) -> DocumentError {
    let before = template.get(..offset.unwrap_or(0)).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = file::first_line(source, path) + before.matches('\n').count();
    let written = source.text.lines().nth(line - 1).unwrap_or_default();
    let wanted = template[start..].lines().next().unwrap_or_default();
    // A block is indented in the file; a quoted text begins somewhere in its line.
    let column = match written.find(wanted) {
        Some(indent) => written[..indent].chars().count() + before[start..].chars().count() + 1,
        None => locate(&source.text, path).map_or(1, |(_, column)| column),
    };
    let file = Some(source.path.clone());
    DocumentError { file, line: Some(line), column: Some(column), hint, ..DocumentError::new(detail) }
}
