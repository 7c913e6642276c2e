//! A unit of systemd, as far as it says which program a service is. What would need systemd itself is refused.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::PathBuf;
use std::str::Chars;

use crate::instance::ServiceSpec;

/// Why a unit can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("line {0}: `{1}` is neither a section nor a setting")]
    Line(usize, String),
    #[error("line {0}: `{1}` can't be carried out")]
    Setting(usize, String),
    #[error("line {0}: {1}")]
    Word(usize, String),
    #[error("it has no ExecStart")]
    NoCommand,
}

/// Settings that say nothing of what runs, or what holds here anyway: section, name, and what the value must be.
const HOLDS: [(&str, &str, Option<&[&str]>); 9] = [
    ("Unit", "Description", None),
    ("Unit", "Documentation", None),
    ("Unit", "After", Some(&["network-online.target", "network.target"])),
    ("Unit", "Wants", Some(&["network-online.target", "network.target"])),
    ("Unit", "Requires", Some(&["network-online.target", "network.target"])),
    ("Service", "Type", Some(&["simple", "exec"])),
    ("Service", "Restart", Some(&["no"])),
    ("Service", "User", Some(&["root"])),
    ("Install", "WantedBy", Some(&["multi-user.target", "default.target"])),
];

/// The service that a unit describes.
///
/// # Errors
/// Names the line that can't be carried out.
pub(super) fn read(name: &str, text: &str) -> Result<ServiceSpec, UnitError> {
    let mut section = String::new();
    let (mut command, mut environment, mut working_directory) = (None, BTreeMap::new(), None);
    for (number, line) in lines(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = head.into();
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { return Err(UnitError::Line(number, line.into())) };
        let (key, value) = (key.trim(), value.trim());
        let refused = || UnitError::Setting(number, line.into());
        let split = |dollars| words(value, dollars).map_err(|why| UnitError::Word(number, why));
        match (section.as_str(), key) {
            ("Service", "ExecStart") if command.is_none() && !value.starts_with(['-', '@', ':', '+', '!', '|']) => {
                command = Some(split(true)?).filter(|words| words.first().is_some_and(|word| !word.is_empty()));
            }
            ("Service", "Environment") => {
                for word in split(false)? {
                    let (name, value) = word.split_once('=').ok_or_else(refused)?;
                    environment.insert(name.to_string(), value.to_string());
                }
            }
            ("Service", "WorkingDirectory") if value.starts_with('/') && !value.contains('%') => {
                working_directory = Some(PathBuf::from(value));
            }
            _ if holds(&section, key, value) => {}
            _ => return Err(refused()),
        }
    }
    let command = command.ok_or(UnitError::NoCommand)?;
    Ok(ServiceSpec { name: name.into(), command, environment, working_directory })
}

fn holds(section: &str, key: &str, value: &str) -> bool {
    let row = HOLDS.iter().find(|row| (row.0, row.1) == (section, key));
    row.is_some_and(|(_, _, values)| {
        values.is_none_or(|values| value.split_whitespace().all(|word| values.contains(&word)))
    })
}

/// Its lines, with the number of the first where a backslash joins several.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let (line, next) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        match joined.last_mut().filter(|_| goes_on) {
            Some((_, last)) => *last = format!("{last} {line}"),
            None => joined.push((index + 1, line.to_string())),
        }
        goes_on = next;
    }
    joined
}

/// The words of a value: unquoted, with escapes and specifiers resolved. `dollars`: whether `$` is a sign of its own.
fn words(value: &str, dollars: bool) -> Result<Vec<String>, String> {
    let mut signs = value.chars().peekable();
    let mut words = Vec::new();
    loop {
        while signs.next_if(|sign| sign.is_whitespace()).is_some() {}
        if signs.peek().is_none() {
            return Ok(words);
        }
        let (word, is_quoted) = word(&mut signs, dollars)?;
        if dollars && word == ";" && !is_quoted {
            return Err("`;` would begin a second command".into());
        }
        words.push(word);
    }
}

fn word(signs: &mut Peekable<Chars<'_>>, dollars: bool) -> Result<(String, bool), String> {
    let (mut word, mut quote, mut is_quoted) = (String::new(), None, false);
    while let Some(sign) = signs.next() {
        match sign {
            '"' | '\'' if quote == Some(sign) => quote = None,
            '"' | '\'' if quote.is_none() => (quote, is_quoted) = (Some(sign), true),
            '\\' => word.push(escaped(signs)?),
            '%' => match signs.next() {
                Some('%') => word.push('%'),
                other => return Err(format!("the specifier `%{}` can't be carried out", other.unwrap_or(' '))),
            },
            '$' if dollars => match signs.next() {
                Some('$') => word.push('$'),
                _ => return Err("`$` begins a variable, which can't be carried out; `$$` is the sign".into()),
            },
            sign if quote.is_none() && sign.is_whitespace() => return Ok((word, is_quoted)),
            sign => word.push(sign),
        }
    }
    if quote.is_some() { Err("a quotation does not end".into()) } else { Ok((word, is_quoted)) }
}

/// The sign that a backslash and what follows stand for, as in C.
fn escaped(signs: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    let wrong = |text: &str| format!("`\\{text}` is no escape");
    let sign = signs.next().ok_or_else(|| wrong(""))?;
    let plain = match sign {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        's' => ' ',
        '\\' | '"' | '\'' => sign,
        'x' | 'u' | 'U' => {
            let length = match sign {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let digits: String = signs.by_ref().take(length).collect();
            let number = u32::from_str_radix(&digits, 16).ok().filter(|number| *number > 0 && digits.len() == length);
            // A byte above 127 alone is no text.
            let number = number.filter(|number| sign != 'x' || *number < 0x80);
            return number.and_then(char::from_u32).ok_or_else(|| wrong(&format!("{sign}{digits}")));
        }
        other => return Err(wrong(&other.to_string())),
    };
    Ok(plain)
}

#[cfg(test)]
#[path = "unit_tests.rs"]
mod tests;
