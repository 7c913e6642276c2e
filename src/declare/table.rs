//! Faults in tables: `these faults strike:` and `random faults strike for …:`.
//!
//! A row says in its `fault` cell what a step would say, without the target: `dies`, `process "nginx" dies`,
//! `gains 100 ms of delay`. The row's target is put where a step has it, and the sentence is read as any other When:
//! all steps that strike once may stand in a table, a user's own too. Where `target` is empty (or there is no such
//! column), `fault` is the whole sentence.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use cucumber::gherkin::{Step, StepType};
use futures::FutureExt as _;

use super::run::said;
use super::strikes::fits;
use super::vocabulary::Vocabulary;
use super::world::{Declaration, StepError, World};
use crate::document::error::did_you_mean;
use crate::plan::{Act, Schedule, StepText, StrikeOrder};
use crate::units::parse_duration;

impl World {
    /// Faults at times that are counted from the step's own moment. Columns: `at`, `fault`, and if wanted `target`
    /// and `for` (empty: to the end).
    ///
    /// # Errors
    /// No table, a column that is missing or unknown, and whatever is wrong with a row, with its number.
    pub async fn strike_table(&mut self, step: &Step) -> Result<(), StepError> {
        let lines = self.declaration.rows.clone();
        let rows = self.rows(step, &lines, &["at", "fault"], &["target", "for"])?;
        let vocabulary = Vocabulary::registered();
        let mut wrong = WrongRows::default();
        for row in rows.all() {
            let act = wrong.keep(&row, self.scheduled(&vocabulary, &row).await);
            act.map_or(Ok(()), |act| self.declaration.act(act))?;
        }
        wrong.reported(&mut self.declaration)
    }

    async fn scheduled(&mut self, vocabulary: &Vocabulary, row: &DataRow<'_>) -> Result<Act, StepError> {
        let wait = row.duration("at")?;
        let lasts = if row.cell("for").is_empty() { None } else { Some(row.duration("for")?) };
        let order = self.read_row(vocabulary, row).await?;
        let schedule = Schedule::After { wait, lasts };
        fits(&order, &schedule).map_err(|why| row.wrong(&why.to_string()))?;
        Ok(Act::Strike { order, schedule })
    }

    /// Faults at random times for `total`. Columns: `fault`, `mean` (between two strikes of the row, more than nothing),
    /// and if wanted `target`. All rows together are one Poisson process: their rates add up, and at each moment one of
    /// them is drawn, each as probable as its share of the whole rate.
    ///
    /// # Errors
    /// As [`strike_table`](Self::strike_table).
    pub async fn random_table(&mut self, step: &Step, total: Duration) -> Result<(), StepError> {
        let lines = self.declaration.rows.clone();
        let rows = self.rows(step, &lines, &["fault", "mean"], &["target"])?;
        let vocabulary = Vocabulary::registered();
        let (mut orders, mut rates, mut wrong) = (Vec::new(), Vec::new(), WrongRows::default());
        for row in rows.all() {
            let read = self.one_of_random(&vocabulary, &row, total).await;
            if let Some((order, mean)) = wrong.keep(&row, read) {
                orders.push(order);
                rates.push(1.0 / mean.as_secs_f64());
            }
        }
        wrong.reported(&mut self.declaration)?;
        let rate: f64 = rates.iter().sum();
        let mean = Duration::from_secs_f64(1.0 / rate);
        orders.first().map_or(Ok(()), |order| fits(order, &Schedule::Poisson { mean, total }))?;
        let shares = rates.iter().map(|one| one / rate).collect();
        self.declaration.act(Act::Random { orders, shares, mean, total })
    }

    /// A row's order, and the mean time between two of its strikes.
    async fn one_of_random(
        &mut self,
        vocabulary: &Vocabulary,
        row: &DataRow<'_>,
        total: Duration,
    ) -> Result<(StrikeOrder, Duration), StepError> {
        let mean = row.duration("mean")?;
        if mean.is_zero() {
            let why = "with a mean of no time it would strike without a pause\n  help: say for example `10 s`";
            return Err(row.wrong(why));
        }
        let mut order = self.read_row(vocabulary, row).await?;
        order.step.line = row.step.position.line;
        // Rows are rarer than all of them together, and only that is too rare.
        fits(&order, &Schedule::Poisson { mean: mean.min(total), total }).map_err(|why| row.wrong(&why.to_string()))?;
        Ok((order, mean))
    }

    /// The table under a step; what is wrong with its header is reported there.
    fn rows<'a>(
        &mut self,
        step: &'a Step,
        lines: &'a [usize],
        needed: &[&str],
        known: &[&str],
    ) -> Result<Rows<'a>, StepError> {
        let rows = Rows::of(step, lines, needed, known);
        if let (Err(why), Some(line)) = (&rows, lines.first()) {
            self.declaration.wrong_rows.push((*line, why.to_string()));
        }
        rows
    }

    /// Reads a row as the sentence it stands for.
    async fn read_row(&mut self, vocabulary: &Vocabulary, row: &DataRow<'_>) -> Result<StrikeOrder, StepError> {
        let text = sentence(vocabulary, row.cell("fault"), row.cell("target")).map_err(|why| row.wrong(&why))?;
        let step = Step { ty: StepType::When, value: text.clone(), table: None, docstring: None, ..row.step.clone() };
        let Ok((function, context)) = vocabulary.find(&step, Some(step.ty)) else {
            return Err(row.wrong(&format!("`{text}` means several things")));
        };
        let own = StepText { keyword: "When".into(), text: text.clone(), line: row.line };
        let outer = std::mem::replace(&mut self.declaration.step, own);
        let before = self.declaration.acts.len();
        let outcome = AssertUnwindSafe(function(self, context)).catch_unwind().await;
        self.declaration.step = outer;
        let said_so = outcome.map_err(|panic| row.wrong(&said(panic.as_ref())));
        let mut acts = self.declaration.acts.split_off(before);
        self.declaration.act_lines.truncate(before);
        said_so?;
        match (acts.pop(), acts.is_empty()) {
            (Some(Act::Strike { order, schedule: Schedule::Once }), true) => Ok(order),
            _ => Err(row
                .wrong(&format!("`{text}` is not one strike\n  help: say when and for how long in the other columns"))),
        }
    }
}

/// The rows of a table that are wrong.
#[derive(Default)]
struct WrongRows(Vec<(usize, StepError)>);

impl WrongRows {
    fn keep<T>(&mut self, row: &DataRow<'_>, read: Result<T, StepError>) -> Option<T> {
        read.map_err(|why| self.0.push((row.line, why))).ok()
    }

    /// All of them, each with its own line.
    ///
    /// # Errors
    /// The first.
    fn reported(self, declaration: &mut Declaration) -> Result<(), StepError> {
        declaration.wrong_rows.extend(self.0.iter().map(|(line, why)| (*line, why.to_string())));
        self.0.into_iter().next().map_or(Ok(()), |(_, why)| Err(why))
    }
}

/// The one sentence that a fault and a target make.
fn sentence(vocabulary: &Vocabulary, fault: &str, target: &str) -> Result<String, String> {
    let is_when = |text: &String| vocabulary.matching(text).iter().any(|pattern| pattern.keyword == "When");
    let mut found = with_target(fault, target);
    found.retain(is_when);
    found.dedup();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(format!(
            "`{fault}` can't happen to `{target}`\n  help: write it as in a step, without the target: `dies`, `process \"nginx\" dies`, `gains 100 ms of delay`"
        )),
        several => Err(format!("`{fault}` of `{target}` means several things: `{}`", several.join("`, `"))),
    }
}

/// Every place where a sentence could name its target.
fn with_target(fault: &str, target: &str) -> Vec<String> {
    if target.is_empty() {
        return vec![fault.into()];
    }
    let mut sentences = vec![format!("{target} {fault}"), format!("the network of {target} {fault}")];
    for (blank, _) in fault.match_indices(' ') {
        for word in ["on", "of"] {
            sentences.push(format!("{} {word} {target}{}", &fault[..blank], &fault[blank..]));
        }
    }
    sentences
}

/// The table under a step.
struct Rows<'a> {
    step: &'a Step,
    header: Vec<&'a str>,
    rows: &'a [Vec<String>],
    /// Those of the header and the rows.
    lines: &'a [usize],
}

/// One line of it.
struct DataRow<'a> {
    step: &'a Step,
    header: &'a [&'a str],
    cells: &'a [String],
    /// From 1, the header not counted.
    number: usize,
    line: usize,
}

impl<'a> Rows<'a> {
    fn of(step: &'a Step, lines: &'a [usize], needed: &[&str], known: &[&str]) -> Result<Rows<'a>, StepError> {
        let columns = || format!("its columns are {}", [needed, known].concat().join(", "));
        let table = step.table.as_ref().filter(|table| table.rows.len() > 1);
        let table =
            table.ok_or_else(|| StepError::refused("a table must follow, with a header and a row", columns()))?;
        let header: Vec<&str> = table.rows[0].iter().map(String::as_str).collect();
        if let Some(unknown) = header.iter().find(|name| !needed.contains(name) && !known.contains(name)) {
            let near = did_you_mean(unknown, [needed, known].concat());
            let hint = near.map_or_else(columns, |near| format!("{near} ({})", columns()));
            return Err(StepError::refused(format!("the table can't have a column `{unknown}`"), hint));
        }
        if let Some(missing) = needed.iter().find(|name| !header.contains(name)) {
            return Err(StepError::refused(format!("the table has no column `{missing}`"), columns()));
        }
        Ok(Rows { step, header, rows: &table.rows[1..], lines })
    }

    fn all(&self) -> impl Iterator<Item = DataRow<'_>> {
        self.rows.iter().enumerate().map(|(index, cells)| DataRow {
            step: self.step,
            header: &self.header,
            cells,
            number: index + 1,
            line: self.lines.get(index + 1).copied().unwrap_or(self.step.position.line),
        })
    }
}

impl DataRow<'_> {
    /// Empty where there is no such column.
    fn cell(&self, name: &str) -> &str {
        let column = self.header.iter().position(|title| *title == name);
        column.and_then(|column| self.cells.get(column)).map_or("", String::as_str)
    }

    fn duration(&self, name: &str) -> Result<Duration, StepError> {
        parse_duration(self.cell(name)).map_err(|why| self.wrong(&format!("{name}: {why}")))
    }

    fn wrong(&self, why: &str) -> StepError {
        StepError::Malformed(format!("row {}: {why}", self.number))
    }
}
