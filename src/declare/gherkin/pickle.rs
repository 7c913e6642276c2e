//! The scenarios that a feature comes to: those of outlines once for each row, with the steps of the backgrounds and the
//! tags of all that they stand in. The reference parser calls such a scenario a pickle.

use cucumber::gherkin::{LineCol, Step as GherkinStep, StepType, Table};

use super::error::SyntaxError;
use super::fill::{Filler, Values};
use super::syntax::{Background, DocString, Examples, Feature, Place, Scenario, Step, StepKind, TableRow, Tag};

/// A scenario, ready to be declared.
#[derive(Debug, Clone)]
pub struct Pickle {
    /// With the values of the row.
    pub name: String,
    /// The row's, where it is made of one; else the scenario's.
    pub place: Place,
    /// Those of the feature, the rule, the scenario and the examples, in this order.
    pub tags: Vec<String>,
    /// Those of the backgrounds first; none where the scenario has none itself.
    pub steps: Vec<PickleStep>,
    /// The values of the row that it is made of.
    pub row: Option<Vec<String>>,
}

/// A step of a pickle.
#[derive(Debug, Clone)]
pub struct PickleStep {
    /// As cucumber's matching takes it. Its kind is a guess where `kind` is `None`.
    pub step: GherkinStep,
    /// Given, When or Then; none for `*`, and for what follows it with `And` or `But`.
    pub kind: Option<StepType>,
    /// The lines of the table's rows.
    pub rows: Vec<usize>,
    /// What its doc string is, where it says.
    pub media_type: Option<String>,
}

/// All scenarios of a feature, in the order of the file.
///
/// # Errors
/// The row of an outline whose values let a text grow beyond all reason.
pub fn pickles(feature: &Feature) -> Result<Vec<Pickle>, SyntaxError> {
    let background = feature.background.as_ref();
    let (mut pickles, mut filler) = (Vec::new(), Filler::default());
    for scenario in &feature.scenarios {
        pickles.extend(expand(&[&feature.tags], &[background], scenario, &mut filler)?);
    }
    for rule in &feature.rules {
        let backgrounds = [background, rule.background.as_ref()];
        for scenario in &rule.scenarios {
            pickles.extend(expand(&[&feature.tags, &rule.tags], &backgrounds, scenario, &mut filler)?);
        }
    }
    Ok(pickles)
}

impl From<StepType> for StepKind {
    fn from(kind: StepType) -> StepKind {
        match kind {
            StepType::Given => StepKind::Given,
            StepType::When => StepKind::When,
            StepType::Then => StepKind::Then,
        }
    }
}

fn expand(
    outer: &[&Vec<Tag>],
    backgrounds: &[Option<&Background>],
    scenario: &Scenario,
    filler: &mut Filler,
) -> Result<Vec<Pickle>, SyntaxError> {
    let mut one = |values: &Values<'_>, of: Option<(&Examples, &TableRow)>| {
        let given = backgrounds.iter().flatten().filter(|_| !scenario.steps.is_empty());
        let given = given.flat_map(|background| &background.steps).map(|step| (step, &[][..]));
        let tags = outer.iter().copied().chain([&scenario.tags]).chain(of.map(|(examples, _)| &examples.tags));
        let place = of.map_or(scenario.title.place, |(_, row)| row.place);
        filler.begin(place);
        Ok(Pickle {
            name: filler.fill(scenario.title.place.line, &scenario.title.name, values)?,
            place,
            tags: tags.flatten().map(|tag| tag.name.clone()).collect(),
            steps: steps(given.chain(scenario.steps.iter().map(|step| (step, values))), filler)?,
            row: of.map(|(_, row)| row.cells.clone()),
        })
    };
    if scenario.examples.is_empty() {
        return Ok(vec![one(&[], None)?]);
    }
    let mut pickles = Vec::new();
    for examples in &scenario.examples {
        let Some((header, rows)) = examples.table.split_first() else { continue };
        for row in rows {
            let names = header.cells.iter().map(String::as_str);
            let values: Vec<_> = names.zip(row.cells.iter().map(String::as_str)).collect();
            pickles.push(one(&values, Some((examples, row)))?);
        }
    }
    Ok(pickles)
}

fn steps<'s>(
    steps: impl Iterator<Item = (&'s Step, &'s Values<'s>)>,
    filler: &mut Filler,
) -> Result<Vec<PickleStep>, SyntaxError> {
    let mut before = None;
    let mut all = Vec::new();
    for (step, values) in steps {
        before = match step.kind {
            StepKind::Given => Some(StepType::Given),
            StepKind::When => Some(StepType::When),
            StepKind::Then => Some(StepType::Then),
            StepKind::Conjunction => before,
            StepKind::Any => None,
        };
        all.push(pickled(step, values, before, filler)?);
    }
    Ok(all)
}

fn pickled(
    step: &Step,
    values: &Values<'_>,
    kind: Option<StepType>,
    filler: &mut Filler,
) -> Result<PickleStep, SyntaxError> {
    let position = |place: Place| LineCol { line: place.line, col: place.column };
    let mut cells = |row: &TableRow| row.cells.iter().map(|cell| filler.fill(row.place.line, cell, values)).collect();
    let rows = step.table.iter().map(&mut cells).collect::<Result<Vec<_>, _>>()?;
    let first = step.table.first();
    let table = first.map(|first| Table { rows, span: Default::default(), position: position(first.place) });
    let mut fill = |text: &String| filler.fill(step.place.line, text, values);
    let doc_string = step.doc_string.as_ref();
    let media_type = |doc: &DocString| doc.media_type.clone();
    Ok(PickleStep {
        step: GherkinStep {
            keyword: step.keyword.into(),
            ty: kind.unwrap_or(StepType::Given),
            value: fill(&step.text)?,
            docstring: doc_string.map(|doc| fill(&doc.content)).transpose()?,
            table,
            span: Default::default(),
            position: position(step.place),
        },
        kind,
        rows: step.table.iter().map(|row| row.place.line).collect(),
        media_type: doc_string.and_then(media_type).as_ref().map(&mut fill).transpose()?,
    })
}

/// The first `<name>` in an outline's name, steps or tables that is no column of all its examples, with its line.
pub(crate) fn unknown_placeholder(outline: &Scenario) -> Option<(usize, &str)> {
    let headers: Vec<_> = outline.examples.iter().filter_map(|examples| examples.table.first()).collect();
    let is_column = |name: &str| headers.iter().all(|header| header.cells.iter().any(|cell| cell == name));
    let rows = outline.steps.iter().flat_map(|step| &step.table);
    let cells = rows.flat_map(|row| row.cells.iter().map(|cell| (row.place.line, cell)));
    let steps = outline.steps.iter().map(|step| (step.place.line, &step.text));
    let texts = std::iter::once((outline.title.place.line, &outline.title.name)).chain(steps).chain(cells);
    let mut placeholders =
        texts.flat_map(|(line, text)| placeholders(text).into_iter().map(move |placeholder| (line, placeholder)));
    placeholders.find(|(_, name)| !headers.is_empty() && !is_column(name))
}

/// What stands between `<` and `>` without a blank beside them: `< 8 min` is none.
fn placeholders(text: &str) -> Vec<&str> {
    let ends = |name: &&str| !name.is_empty() && name.trim() == *name;
    text.split('<').skip(1).filter_map(|rest| Some(rest.split_once('>')?.0)).filter(ends).collect()
}
