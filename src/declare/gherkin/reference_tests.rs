//! The features of `tests/gherkin` are read as the reference parser reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::text;

/// Some of each kind, so that an answer that was lost does not go unnoticed.
const AT_LEAST: (usize, usize) = (45, 15);

#[derive(serde::Deserialize)]
struct Stored {
    answers: BTreeMap<String, Answer>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    /// What was read, a line each.
    Read(Vec<String>),
    /// Where the mistakes are.
    Errors(Vec<String>),
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gherkin")
}

fn stored() -> BTreeMap<String, Answer> {
    serde_json::from_str::<Stored>(&fs::read_to_string(folder().join("answers.json")).unwrap()).unwrap().answers
}

#[test]
fn features_are_read_as_the_reference_parser_reads_them() {
    let stored = stored();
    let refused = stored.values().filter(|answer| matches!(answer, Answer::Errors(_))).count();
    assert!(stored.len() - refused >= AT_LEAST.0 && refused >= AT_LEAST.1, "{} and {refused}", stored.len() - refused);
    for (name, expected) in stored {
        compare(&name, answer(&text::read(&folder().join(&name)).unwrap()), expected);
    }
}

fn compare(name: &str, found: Answer, expected: Answer) {
    match (found, expected) {
        // One mistake on a line may be reported there twice, and at another column of it.
        (Answer::Errors(found), Answer::Errors(expected)) if expected.len() <= 10 => {
            assert_eq!(lines(&found), lines(&expected), "{name}");
        }
        // After ten mistakes neither goes on.
        (Answer::Errors(found), Answer::Errors(_)) => assert!(found.len() == 10, "{name}"),
        (Answer::Read(found), Answer::Read(expected)) => {
            let differ = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            assert_eq!(differ, None, "{name}");
            assert_eq!(found.len(), expected.len(), "{name}");
        }
        (found, expected) => panic!("{name}: {found:?}, expected {expected:?}"),
    }
}

#[derive(serde::Deserialize)]
struct Random {
    text: String,
    #[serde(flatten)]
    answer: Answer,
}

#[test]
#[ignore = "needs features of `scripts/gherkin_reference.py random`, named by GHERKIN_RANDOM"]
fn random_features_are_read_as_the_reference_parser_reads_them() {
    let path = std::env::var_os("GHERKIN_RANDOM").expect("GHERKIN_RANDOM names the file");
    for Random { text, answer: expected } in serde_json::from_slice::<Vec<Random>>(&fs::read(path).unwrap()).unwrap() {
        compare(&text, answer(&text), expected);
    }
}

#[test]
fn every_feature_has_an_answer() {
    let stored = stored();
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for file in files.filter(|file| file.ends_with(".feature")) {
        assert!(stored.contains_key(&file), "{file}: run scripts/gherkin_reference.py answers");
    }
}

fn lines(places: &[String]) -> Vec<usize> {
    let mut lines: Vec<_> = places.iter().map(|place| place.split(':').next().unwrap().parse().unwrap()).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

fn answer(text: &str) -> Answer {
    match parse(text) {
        Err(errors) => Answer::Errors(errors.iter().map(|error| at(error.place)).collect()),
        Ok(feature) => {
            let mut dump = Dump::default();
            if let Some(feature) = &feature {
                dump.feature(feature);
                pickles(feature).unwrap().iter().for_each(|pickle| dump.pickle(pickle));
            }
            Answer::Read(dump.lines)
        }
    }
}

fn at(place: Place) -> String {
    format!("{}:{}", place.line, place.column)
}

fn shown(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap()
}

/// The same lines as those of `scripts/gherkin_reference.py`.
#[derive(Default)]
struct Dump {
    lines: Vec<String>,
}

impl Dump {
    fn feature(&mut self, feature: &Feature) {
        self.lines.push(format!("language {}", feature.language));
        self.title("feature", &feature.title, &feature.tags);
        self.background(feature.background.as_ref());
        feature.scenarios.iter().for_each(|scenario| self.scenario(scenario));
        for rule in &feature.rules {
            self.title("rule", &rule.title, &rule.tags);
            self.background(rule.background.as_ref());
            rule.scenarios.iter().for_each(|scenario| self.scenario(scenario));
        }
    }

    fn background(&mut self, background: Option<&Background>) {
        if let Some(background) = background {
            self.title("background", &background.title, &[]);
            background.steps.iter().for_each(|step| self.step(step));
        }
    }

    fn scenario(&mut self, scenario: &Scenario) {
        self.title("scenario", &scenario.title, &scenario.tags);
        scenario.steps.iter().for_each(|step| self.step(step));
        for examples in &scenario.examples {
            self.title("examples", &examples.title, &examples.tags);
            self.rows(&examples.table);
        }
    }

    fn title(&mut self, what: &str, title: &Title, tags: &[Tag]) {
        self.lines.extend(tags.iter().map(|tag| format!("{} tag @{}", at(tag.place), tag.name)));
        let words = [title.keyword, &title.name, &title.description()].map(shown).join(" ");
        self.lines.push(format!("{} {what} {words}", at(title.place)));
    }

    fn step(&mut self, step: &Step) {
        let kind = format!("{:?}", step.kind).to_lowercase();
        let place = at(step.place);
        self.lines.push(format!("{place} step {kind} {} {}", shown(step.keyword), shown(&step.text)));
        self.rows(&step.table);
        if let Some(doc) = &step.doc_string {
            let (media, content) = (shown(&doc.media_type), shown(&doc.content));
            self.lines.push(format!("{} text {media} {content}", at(doc.place)));
        }
    }

    fn rows(&mut self, rows: &[TableRow]) {
        self.lines.extend(rows.iter().map(|row| format!("{} row {}", at(row.place), list(&row.cells))));
    }

    fn pickle(&mut self, pickle: &Pickle) {
        let tags: String = pickle.tags.iter().map(|tag| format!(" @{tag}")).collect();
        self.lines.push(format!("{} pickle {}{tags}", at(pickle.place), shown(&pickle.name)));
        for PickleStep { step, kind, media_type, .. } in &pickle.steps {
            let kind = kind.map_or("any".into(), |kind| format!("{kind:?}").to_lowercase());
            self.lines.push(format!("  {kind} {}", shown(&step.value)));
            let rows = step.table.iter().flat_map(|table| &table.rows);
            self.lines.extend(rows.map(|row| format!("    {}", list(row))));
            if let Some(text) = &step.docstring {
                self.lines.push(format!("    {} {}", shown(media_type), shown(text)));
            }
        }
    }
}

fn list(cells: &[String]) -> String {
    format!("[{}]", cells.iter().map(shown).collect::<Vec<_>>().join(", "))
}
