//! Which servers a fault hits.

use std::str::FromStr;

use cucumber::Parameter;

use super::{Count, ParamError, Percent, Role};
use crate::plan::{self, Choice};

/// Which servers a fault hits: `the highest-degree node`, `2 random webservers in zone "a"`, `50% of the webservers`; `the "coldest" webserver`
/// by a registered selector.
#[derive(Debug, Clone, PartialEq, Parameter)]
#[param(
    name = "target",
    regex = r#"(?:node "[^"]*"|(?:the (?:(?:\d[\d_]*|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) )?(?:highest-degree|most central|busiest|idlest|active|standby|primary|same)|(?:\d[\d_]*|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) random|[\d_.]+ ?% of the|the "[^"]+"|every(?: other| critical| unhealthy)?) (?:nodes?|webservers?|load balancers?|databases?|caches?|"[^"]+" nodes?))(?: in zone "[^"]*"| tagged "[^"]*")*"#
)]
pub struct Target(pub plan::Target);

impl FromStr for Target {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let (phrase, zone, tag) = without_places(text)?;
        let (choice, role) = choice(phrase)?;
        Ok(Target(plan::Target { choice, role, zone, tag, text: text.to_string() }))
    }
}

/// Takes ` in zone "a"` and ` tagged "x"` off the end.
fn without_places(text: &str) -> Result<(&str, Option<String>, Option<String>), ParamError> {
    let (mut phrase, mut zone, mut tag) = (text, None, None);
    while let Some((rest, place, value)) = last_place(phrase) {
        let slot = if place == " in zone " { &mut zone } else { &mut tag };
        if slot.replace(value.to_string()).is_some() {
            return Err(ParamError(format!("`{text}` says `{}` twice", place.trim())));
        }
        phrase = rest;
    }
    Ok((phrase, zone, tag))
}

fn last_place(text: &str) -> Option<(&str, &'static str, &str)> {
    let unquoted = text.strip_suffix('"')?;
    let (before, value) = unquoted.rsplit_once('"')?;
    [" in zone ", " tagged "].into_iter().find_map(|place| Some((before.strip_suffix(place)?, place, value)))
}

fn choice(phrase: &str) -> Result<(Choice, String), ParamError> {
    let role = |text: &str| text.parse::<Role>().map(|role| role.0);
    if let Some(name) = phrase.strip_prefix("node \"") {
        return Ok((Choice::Named(name.trim_end_matches('"').to_string()), "node".to_string()));
    }
    if let Some(rest) = phrase.strip_prefix("every ") {
        return every(rest);
    }
    if let Some((share, rest)) = phrase.split_once("% of the ") {
        let percent: Percent = format!("{share}%").parse()?;
        return Ok((Choice::Share(percent.0.0), role(rest)?));
    }
    if let Some((name, rest)) = phrase.strip_prefix("the \"").and_then(|rest| rest.split_once("\" ")) {
        return Ok((Choice::Registered(name.into()), role(rest)?));
    }
    if let Some((count, rest)) = phrase.split_once(" random ") {
        return Ok((Choice::Random(count.parse::<Count>()?.0), role(rest)?));
    }
    the_choice(phrase)
}

/// `every webserver`, `every other webserver`, `every critical node`, …
fn every(rest: &str) -> Result<(Choice, String), ParamError> {
    let narrower = [("other ", Choice::EveryOther), ("critical ", Choice::Critical), ("unhealthy ", Choice::Unhealthy)];
    let found = narrower.into_iter().find_map(|(word, choice)| Some((choice, rest.strip_prefix(word)?)));
    let (choice, role) = found.unwrap_or((Choice::Every, rest));
    Ok((choice, role.parse::<Role>()?.0))
}

/// Whoever is first by some order, and how many of them.
type Ranked = (&'static str, fn(usize) -> Choice);

const RANKED: [Ranked; 4] = [
    ("highest-degree", Choice::HighestDegree),
    ("most central", Choice::MostCentral),
    ("busiest", Choice::Busiest),
    ("idlest", Choice::Idlest),
];

/// `the highest-degree node`, `the 2 busiest webservers`, `the active load balancer`, …
fn the_choice(phrase: &str) -> Result<(Choice, String), ParamError> {
    let single = [
        ("active", Choice::Active),
        ("standby", Choice::Standby),
        ("primary", Choice::Primary),
        ("same", Choice::Same),
    ];
    for (words, choice) in single {
        if let Some(rest) = phrase.strip_prefix(&format!("the {words} ")) {
            return Ok((choice, rest.parse::<Role>()?.0));
        }
    }
    let ranked = phrase.strip_prefix("the ").and_then(|rest| {
        RANKED.iter().find_map(|(words, choice)| Some((choice, rest.split_once(&format!("{words} "))?)))
    });
    let Some((choice, (count, role))) = ranked else {
        let words: Vec<String> = RANKED.iter().map(|(words, _)| format!("`{words}`")).collect();
        return Err(ParamError(format!("`{phrase}` names no server; a number goes only with {}", words.join(", "))));
    };
    let count = if count.is_empty() { 1 } else { count.trim_end().parse::<Count>()?.0 };
    Ok((choice(count), role.parse::<Role>()?.0))
}
