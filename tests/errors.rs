//! Every message of the harness in one place, so that all can be read at once: `tests/snapshots/errors__every_message.snap` has
//! the errors, the refusals and every other sentence of the code, `errors__every_help.snap` what `--help` prints. Whoever changes a
//! message renews them with `INSTA_UPDATE=always cargo test --test errors`, and reads what has changed.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

#[path = "support/sources.rs"]
mod sources;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use sources::sources;
use syn::{Lit, LitStr};

/// A text of the code: which error, or which function says it.
struct Message {
    owner: String,
    is_error: bool,
    text: String,
}

/// Macros and methods whose texts no user reads: invariants and the log.
const NOT_FOR_USERS: [&str; 15] = [
    "expect",
    "unreachable",
    "panic",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "matches",
    "concat",
];

/// Tests and what makes their histories; pictures and pages, whose texts are read where they are shown.
fn is_left_out(file: &Path) -> bool {
    let text = file.display().to_string();
    ["tests.rs", "test_server.rs", "synthetic.rs"].iter().any(|end| text.ends_with(end))
        || text.starts_with("src/report/sample/")
}

/// At least two words and mostly words: a sentence or a part of one, not a command or a name.
fn is_prose(text: &str) -> bool {
    let parts: Vec<&str> =
        text.split_whitespace().map(|part| part.trim_matches(|c: char| ",.;:()`“”'?!".contains(c))).collect();
    let is_word = |part: &&&str| !part.is_empty() && part.chars().all(|c| c.is_alphabetic() || c == '\'');
    let words = parts.iter().filter(is_word).count();
    let filled_in = parts.iter().filter(|part| part.starts_with('{')).count();
    (words >= 2 || words == 1 && filled_in >= 2) && (words + filled_in) * 10 >= parts.len() * 6
}

fn decoded(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Literal(literal) => match Lit::new(literal.clone()) {
            Lit::Str(text) => Some(LitStr::value(&text)),
            _ => None,
        },
        _ => None,
    }
}

fn first_word(attribute: &Group) -> String {
    attribute.stream().into_iter().next().map(|token| token.to_string()).unwrap_or_default()
}

/// The template of `#[error("…")]`; nothing for `transparent` and for other attributes.
fn template(attribute: &Group) -> Option<String> {
    let inner = attribute.stream().into_iter().nth(1).filter(|_| first_word(attribute) == "error");
    match inner {
        Some(TokenTree::Group(inner)) => inner.stream().into_iter().next().as_ref().and_then(decoded),
        _ => None,
    }
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// The error that an attribute stands before: a variant of the enum that is open, or a struct.
fn error_after(tokens: &[TokenTree], open: &str) -> String {
    let words: Vec<String> = tokens.iter().take(8).filter_map(|token| word(Some(token))).collect();
    match words.iter().position(|word| word == "struct") {
        Some(at) => words[at + 1].clone(),
        None => format!("{open}::{}", words[0]),
    }
}

/// How many tokens the item has that starts here: it ends with its braces or with a semicolon.
fn length_of_item(tokens: &[TokenTree]) -> usize {
    let ends = |token: &TokenTree| group(Some(token), Delimiter::Brace).is_some() || is(Some(token), ';');
    tokens.iter().position(ends).map_or(tokens.len(), |at| at + 1)
}

fn walk(stream: TokenStream, owner: &str, found: &mut Vec<Message>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let (mut at, mut owner) = (0, owner.to_string());
    while at < tokens.len() {
        if is(tokens.get(at), '#') && is(tokens.get(at + 1), '!') {
            at += 3;
            continue;
        }
        let next = tokens.get(at + 1);
        if let (true, Some(attribute)) = (is(tokens.get(at), '#'), group(next, Delimiter::Bracket)) {
            at += 2;
            if attribute.stream().to_string().replace(' ', "") == "cfg(test)" {
                at += length_of_item(&tokens[at..]);
            } else if let Some(text) = template(attribute) {
                found.push(Message { owner: error_after(&tokens[at..], &owner), is_error: true, text });
            }
            continue;
        }
        match (word(tokens.get(at)), &tokens[at]) {
            (Some(kind), _) if ["enum", "fn", "struct", "const", "static"].contains(&kind.as_str()) => {
                owner = word(next).unwrap_or(owner);
            }
            (Some(name), _) if NOT_FOR_USERS.contains(&name.as_str()) => {
                let arguments = if is(next, '!') { at + 2 } else { at + 1 };
                if group(tokens.get(arguments), Delimiter::Parenthesis).is_some() {
                    at = arguments;
                }
            }
            (None, TokenTree::Group(group)) => walk(group.stream(), &owner, found),
            (None, literal) => {
                let prose = decoded(literal).filter(|text| is_prose(text));
                found.extend(prose.map(|text| Message { owner: owner.clone(), is_error: false, text }));
            }
            _ => {}
        }
        at += 1;
    }
}

fn messages(file: &Path) -> Vec<Message> {
    let text = fs::read_to_string(file).unwrap();
    let stream = text.parse().unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let mut found = Vec::new();
    walk(stream, "", &mut found);
    found
}

/// One section a file: its errors, then its other sentences.
fn listed(file: &Path) -> Option<String> {
    let found = messages(file);
    let mut section = format!("\n{}\n", file.display());
    for is_error in [true, false] {
        for message in found.iter().filter(|message| message.is_error == is_error) {
            let mark = if is_error { "error " } else { "" };
            let _ = writeln!(section, "  {mark}{}: {}", message.owner, message.text.replace('\n', "\n      "));
        }
    }
    (!found.is_empty()).then_some(section)
}

#[test]
fn every_message() {
    let files = ["src", "steps"].into_iter().flat_map(|folder| sources(Path::new(folder)));
    let all: String = files.filter(|file| !is_left_out(file)).filter_map(|file| listed(&file)).collect();
    for known in ["error DeclareError::Refused: ", "error NotReady: ", "there are only {there} servers called"] {
        assert!(all.contains(known), "{known} is not among the messages: {all}");
    }
    insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!(all) });
}

/// What `chimp COMMAND… --help` prints.
fn help(command: &[&str]) -> String {
    let mut chimp = Command::new(env!("CARGO_BIN_EXE_chimp"));
    let output = chimp.args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The words that begin the rows of the list of commands, if there is one.
fn commands(help: &str) -> Vec<&str> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let rows = lines.filter(|line| !line.starts_with(' '));
    rows.filter_map(|row| row.split_whitespace().next()).filter(|word| *word != "help").collect()
}

/// The help of a command, then that of each command below it.
fn helps(command: &[&str]) -> String {
    let own = help(command);
    let below: String = commands(&own).into_iter().map(|word| helps(&[command, &[word]].concat())).collect();
    format!("\n──── chimp {} --help\n{own}{below}", command.join(" "))
}

#[test]
fn every_help() {
    let all = helps(&[]);
    assert!(all.contains("chimp run --help") && all.contains("chimp attack random --help"), "{all}");
    insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!(all) });
}
