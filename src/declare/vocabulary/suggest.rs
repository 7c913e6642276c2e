//! What a step that matches nothing was meant to be: the same text with its words spelt right, or else the patterns that
//! look most like it.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use cucumber::gherkin::Step;

use super::spelling::Spelling;
use super::units::WithUnits;
use super::{ParameterType, Pattern, Vocabulary, keyword};
use crate::fault::phrase::singular;

/// Where every pattern stands with an example; `tests/vocabulary.rs` keeps it true.
const LANGUAGE: &str = include_str!("../../../docs/language.md");
/// How many suggestions are worth reading.
const SUGGESTIONS: usize = 3;
/// How many characters of a step are compared with the patterns, of which none is as long: time and memory grow with
/// the product of the lengths.
pub(super) const COMPARED: usize = 200;
/// No step has as many words; each is tried as a name.
const WORDS: usize = 30;
/// The similarity (0 to 1) under which a second suggestion would only mislead.
const SIMILAR: f64 = 0.45;
/// What stands for the events of patterns that differ by nothing else.
const EVENT: &str = "{event}";
/// How long a word is that tells what a step is about.
const TELLING: usize = 6;

impl Vocabulary {
    /// Why a step is none, with what it may have been.
    pub(super) fn undefined(&self, step: &Step) -> String {
        let (written, keyword) = (step.keyword.trim(), keyword(step.ty));
        let written = if written == "*" { written } else { keyword };
        let text = format!("no step matches `{written} {}`", step.value);
        if let Some(other) = self.keyword_of(&step.value) {
            return format!("{text}\n  help: it is a {other}, not a {keyword}");
        }
        let corrected = self.spelling().corrected(&step.value);
        if let Some(meant) = self.keyword_of(&corrected) {
            return format!("{text}\n  did you mean: {meant} {corrected}");
        }
        if let Some(fixed) = [&step.value, &corrected].into_iter().find_map(|text| self.with_units(text)) {
            let WithUnits { keyword, text: meant, bare } = fixed;
            let (bare, has) = (bare.join("` and `"), if bare.len() > 1 { "have" } else { "has" });
            return format!("{text}\n  help: `{bare}` {has} no unit\n  did you mean: {keyword} {meant}");
        }
        if let Some((meant, quoted)) =
            [&step.value, &corrected].into_iter().find_map(|text| self.with_servers_quoted(text))
        {
            return format!("{text}\n  did you mean: {meant} {quoted}");
        }
        // A star may stand for each of them.
        let keywords = if written == "*" { &["Given", "When", "Then"][..] } else { &[keyword] };
        let most = SUGGESTIONS / keywords.len();
        let nearest = keywords.iter().flat_map(|keyword| self.nearest(keyword, &corrected).into_iter().take(most));
        let nearest: Vec<_> = nearest.collect();
        let shown = nearest.iter().map(|pattern| format!("\n  near: {} {}", pattern.keyword, shown(pattern)));
        text + &shown.collect::<String>() + &self.missing(&corrected, nearest.first().copied())
    }

    /// A text in which a word, or two, are not those of the language, and make a step as a name of servers: `a random "app" node dies` for
    /// `a random app dies`; with the step's keyword.
    fn with_servers_quoted(&self, text: &str) -> Option<(&'static str, String)> {
        let words: Vec<&str> = text.split(' ').collect();
        if text.len() > COMPARED || words.len() > WORDS {
            return None;
        }
        let regexes = self.parameters.iter().map(|parameter| parameter.kind.regex);
        let language = Spelling::of(self.patterns.iter().map(|pattern| pattern.text.as_str()).chain(regexes));
        let is_plain = |word: &&str| word.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        // Of two words one may be of the language, as in `order server`.
        let may_be_a_name =
            |words: &[&str]| words.iter().all(is_plain) && words.iter().any(|word| !language.knows(word));
        let spans = (1..=2).flat_map(|length| (length..=words.len()).map(move |end| (end - length, end)));
        for (from, to) in spans.filter(|(from, to)| may_be_a_name(&words[*from..*to])) {
            let name = words[from..to].join(" ");
            let called = match name.strip_suffix('s') {
                Some(one) => format!("\"{one}\" nodes"),
                None => format!("\"{name}\" node"),
            };
            for quoted in [called, format!("node \"{name}\"")] {
                let meant = [&words[..from], &[quoted.as_str()], &words[to..]].concat().join(" ");
                if let Some(keyword) = self.keyword_of(&meant) {
                    return Some((keyword, meant));
                }
            }
        }
        None
    }

    /// The patterns under a keyword that look most like a text, the nearest first; at least one. A word that only one pattern has, such as
    /// `packets`, tells more than the likeness of all letters, in whatever order the words are. Of patterns that differ by their event
    /// alone there is one.
    pub fn nearest(&self, keyword: &str, text: &str) -> Vec<&Pattern> {
        let general = self.generalised(text);
        let candidates: Vec<&Pattern> = self.patterns.iter().filter(|pattern| pattern.keyword == keyword).collect();
        let written = words(&general);
        let named = |word: &&str| {
            let mut with = candidates.iter().filter(|pattern| words(&pattern.text).contains(word));
            with.next().filter(|_| with.next().is_none()).copied()
        };
        let named: Vec<&Pattern> = written.iter().filter_map(named).collect();
        let is_named = |pattern: &Pattern| named.iter().any(|other| std::ptr::eq(*other, pattern));
        let candidates = candidates.iter().copied().filter(|pattern| named.is_empty() || is_named(pattern));
        let mut scored: Vec<_> =
            candidates.map(|pattern| (self.similarity(&general, text, pattern), pattern)).collect();
        scored.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
        let mut begun = BTreeSet::new();
        scored.retain(|(_, pattern)| {
            let is_one_of_several = !self.alternatives(pattern).is_empty();
            event(&pattern.text).is_none_or(|(begins, _)| !is_one_of_several || begun.insert(begins))
        });
        let telling = scored.iter().take_while(|(score, _)| *score >= SIMILAR).count();
        let nearest = scored.into_iter().take(telling.clamp(1, SUGGESTIONS));
        nearest.map(|(_, pattern)| self.with_the_event_of(text, pattern)).collect()
    }

    /// Of the patterns that differ by their event alone the one whose event a text has; else this one.
    fn with_the_event_of<'v>(&'v self, text: &str, pattern: &'v Pattern) -> &'v Pattern {
        let said = self.alternatives(pattern).into_iter().filter(|(_, event)| text.contains(event.as_str()));
        said.max_by_key(|(_, event)| event.len()).map_or(pattern, |(said, _)| said)
    }

    fn similarity(&self, general: &str, text: &str, pattern: &Pattern) -> f64 {
        let bare = self.without_optional(&pattern.text);
        let begins = event(&pattern.text).filter(|_| !self.alternatives(pattern).is_empty());
        let any_event = begins.map(|(begins, _)| format!("{begins}{EVENT}"));
        let [general, text] =
            [general, text].map(|text| text.char_indices().nth(COMPARED).map_or(text, |(end, _)| &text[..end]));
        let alike = |pattern: &String| {
            let written = strsim::normalized_damerau_levenshtein(general, pattern);
            written.max(strsim::normalized_damerau_levenshtein(text, pattern))
        };
        any_event.iter().map(alike).fold(alike(&bare), f64::max)
    }

    /// The patterns that differ from this one by their event alone, and itself, each with its event as it is said of one; nothing where
    /// there is no other.
    fn alternatives(&self, pattern: &Pattern) -> Vec<(&Pattern, String)> {
        let Some((begins, _)) = event(&pattern.text) else { return Vec::new() };
        let others = self.patterns.iter().filter(|other| other.keyword == pattern.keyword);
        let with_event = others.filter_map(|other| Some((other, event(&other.text)?)));
        let same = with_event.filter(|(_, (other, _))| *other == begins);
        let all: Vec<_> = same.map(|(other, (_, event))| (other, singular(event))).collect();
        if all.len() > 1 { all } else { Vec::new() }
    }

    /// What the nearest pattern needs, and the text has not; nothing if it is not near.
    fn missing(&self, text: &str, nearest: Option<&Pattern>) -> String {
        let general = self.generalised(text);
        let nearest = nearest.filter(|pattern| self.similarity(&general, text, pattern) >= SIMILAR);
        let needed = |name: &str| nearest.is_some_and(|pattern| pattern.text.contains(name)) && !general.contains(name);
        let missing = self.parameters.iter().filter(|parameter| !parameter.is_optional).map(|parameter| parameter.kind);
        // What these accept are events, which stand in texts as they are.
        let is_said = |events: &str| events.split(", ").any(|event| text.contains(event));
        let made = self.made_parameters.iter().copied().filter(|kind| !is_said(kind.accepts));
        let missing = missing.chain(made).filter(|kind| needed(&format!("{{{}}}", kind.name)));
        let shown = |ParameterType { name, accepts, .. }| format!("\n        {name}: {accepts}");
        let events = nearest.into_iter().flat_map(|nearest| self.alternatives(nearest)).map(|(_, event)| event);
        let events = events.collect::<Vec<_>>().join(", ");
        let events = (!events.is_empty() && !is_said(&events)).then(|| format!("\n        event: {events}"));
        missing.map(shown).chain(events).collect()
    }

    /// A pattern without the parameters that may be left out: `{target} die(s){schedule}` → `{target} die(s)`
    fn without_optional(&self, pattern: &str) -> String {
        let optional = self.parameters.iter().filter(|parameter| parameter.is_optional);
        optional.fold(pattern.to_string(), |text, parameter| text.replace(&format!("{{{}}}", parameter.kind.name), ""))
    }

    /// `the highest-degree node explodes` → `{target} explodes`
    fn generalised(&self, text: &str) -> String {
        let mut general = text.to_string();
        for parameter in &self.parameters {
            let name = format!("${{before}}{{{}}}${{after}}", parameter.kind.name);
            // Neighbours share the blank between them, so one pass takes every other one.
            for _ in 0..2 {
                general = parameter.word.replace_all(&general, name.as_str()).into_owned();
            }
        }
        general
    }

    /// The words of all patterns, of what their parameters accept, and of the examples.
    fn spelling(&self) -> Spelling {
        let singular: Vec<String> = self.patterns.iter().map(|pattern| singular(&pattern.text)).collect();
        let patterns =
            self.patterns.iter().map(|pattern| pattern.text.as_str()).chain(singular.iter().map(String::as_str));
        let parameters = self.parameters.iter().flat_map(|parameter| [parameter.kind.regex, parameter.kind.accepts]);
        Spelling::of(patterns.chain(parameters).chain(examples().map(|(_, example)| example)))
    }
}

/// What a pattern begins with and the event that it then says, in words alone: `{target} ` and `hang(s)`.
fn event(pattern: &str) -> Option<(&str, &str)> {
    let without_moments = pattern.strip_suffix("{schedule}")?;
    let (begins, words) = without_moments.split_at(without_moments.rfind("} ")? + "} ".len());
    (!words.contains('{')).then_some((begins, words))
}

/// What a pattern or a step says beside its parameters, without short words.
fn words(text: &str) -> BTreeSet<&str> {
    let fixed = text.split(['{', '}']).step_by(2);
    let words = fixed.flat_map(|part| part.split(|c: char| !c.is_alphabetic()));
    words.filter(|word| word.len() >= TELLING).collect()
}

/// The example of a pattern; a user's own pattern, which has none, as it was written.
fn shown(pattern: &Pattern) -> &str {
    examples().find(|(written, _)| *written == pattern.text).map_or(&pattern.text, |(_, example)| example)
}

/// All patterns of the documented language with their examples: the rows "| `PATTERN` | EXAMPLE |".
fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    LANGUAGE.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
}
