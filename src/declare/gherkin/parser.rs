//! The grammar: which lines may follow which, as in the reference parser's.
//!
//! ```text
//! document    := [feature]
//! feature     := ["# language: …"] tags "Feature:" prose [background] scenario* rule*
//! rule        := tags "Rule:" prose [background] scenario*
//! background  := "Background:" prose step*
//! scenario    := tags "Scenario:" prose step* examples*
//! examples    := tags "Examples:" prose row*
//! step        := keyword text (row* [doc string] | doc string row*)
//! ```
//! Blank lines and comments may stand anywhere outside of doc strings. Prose goes on to the next line that may follow it,
//! so a step's keyword ends the prose of a scenario, but not that of a feature. A line that can't stand where it does is
//! passed over, and the rest is read as if it were not there, so that all mistakes of a file are found at once.

use super::dialect::{Dialect, Heading};
use super::error::{SyntaxError, SyntaxErrorKind};
use super::expected::expected;
use super::line::{Line, lines};
use super::open::Open;
use super::syntax::{DocString, Feature, Place, Step, TableRow, Tag, Title};
use crate::document::error::did_you_mean;

/// More than these in one file are hardly mistakes in a feature.
const MOST_ERRORS: usize = 10;
const DELIMITERS: [(&str, &str); 2] = [("\"\"\"", r#"\"\"\""#), ("```", r"\`\`\`")];

/// What was read, with all that is wrong; a feature that is there although something is wrong lacks that.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub feature: Option<Feature>,
    pub errors: Vec<SyntaxError>,
    pub dialect: Dialect,
}

/// What a line can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No line at all.
    End,
    Empty,
    Comment,
    Language,
    Tags,
    Heading(Heading),
    Step,
    TableRow,
    DocString,
    /// Anything, as a part of a description.
    Prose,
}

/// What the line before was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    Language,
    /// Tags of such a part.
    Tags(Heading),
    Title(Heading),
    Prose(Heading),
    /// A step or what belongs to it. It may get a row, or a doc string.
    Step {
        row: bool,
        doc_string: bool,
    },
    /// A row of examples.
    TableRow,
}

/// Reads a whole text.
pub(crate) fn read(text: &str) -> Parsed {
    let mut parser = Parser {
        lines: lines(text),
        next: 0,
        after: After::Nothing,
        dialect: Dialect::english(),
        tags: Vec::new(),
        open: Open::default(),
        errors: Vec::new(),
        lost: false,
    };
    while parser.errors.len() < MOST_ERRORS && parser.line() {}
    Parsed { feature: parser.open.close(), errors: parser.errors, dialect: parser.dialect }
}

struct Parser<'t> {
    lines: Vec<Line<'t>>,
    /// The index of the line to be read.
    next: usize,
    after: After,
    dialect: Dialect,
    /// Those of the part that comes next.
    tags: Vec<Tag>,
    open: Open,
    errors: Vec<SyntaxError>,
    /// No line but blank ones was understood since a mistake.
    lost: bool,
}

impl<'t> Parser<'t> {
    /// Reads one line, or several where a doc string begins. False at the end of the text.
    fn line(&mut self) -> bool {
        let line = self.lines.get(self.next).copied();
        let may_follow = self.may_follow();
        let kind = may_follow.iter().copied().find(|kind| self.is(*kind, line.as_ref()));
        self.next += 1;
        match (kind, line) {
            (Some(kind), Some(line)) => self.take(kind, line),
            (None, Some(line)) => {
                let (found, expected) =
                    (line.body.trim_end().into(), expected(&self.wanted(may_follow), &self.dialect));
                self.wrong(line.place(), SyntaxErrorKind::Unexpected { found, expected });
                self.lost = true;
            }
            (None, None) => self.unfinished(expected(&self.wanted(may_follow), &self.dialect)),
            (Some(_), None) => {}
        }
        line.is_some()
    }

    /// The kinds of lines that may come next. Where a line is of several kinds, it is of the first.
    fn may_follow(&self) -> Vec<Kind> {
        let examples = self.open.in_scenario().then_some(Kind::Heading(Heading::Examples));
        let parts = || {
            let scenarios = [Heading::Scenario, Heading::Outline, Heading::Rule].map(Kind::Heading);
            examples.into_iter().chain(scenarios).chain([Kind::Tags])
        };
        let ignored = [Kind::Comment, Kind::Empty];
        match self.after {
            After::Nothing => [Kind::End, Kind::Language, Kind::Tags, Kind::Heading(Heading::Feature)]
                .into_iter()
                .chain(ignored)
                .collect(),
            After::Language => [Kind::Tags, Kind::Heading(Heading::Feature)].into_iter().chain(ignored).collect(),
            After::Tags(part) => {
                let outline = (part == Heading::Scenario).then_some(Kind::Heading(Heading::Outline));
                [Kind::Tags, Kind::Heading(part)].into_iter().chain(outline).chain(ignored).collect()
            }
            After::Title(part) | After::Prose(part) => {
                let empty = matches!(self.after, After::Title(_)).then_some(Kind::Empty);
                let first = [Kind::End].into_iter().chain(empty).chain([Kind::Comment, within(part)]);
                first.chain(parts()).chain([Kind::Prose]).collect()
            }
            After::Step { row, doc_string } => {
                let row = row.then_some(Kind::TableRow).into_iter();
                let arguments = row.chain(doc_string.then_some(Kind::DocString));
                [Kind::End].into_iter().chain(arguments).chain([Kind::Step]).chain(parts()).chain(ignored).collect()
            }
            After::TableRow => [Kind::End, Kind::TableRow].into_iter().chain(parts()).chain(ignored).collect(),
        }
    }

    /// What may come next, in the eyes of who wrote it: tags that stand before nothing could have stood before a
    /// scenario as well as before a rule.
    fn wanted(&self, mut may_follow: Vec<Kind>) -> Vec<Kind> {
        if self.after == After::Tags(Heading::Rule) {
            may_follow.insert(0, Kind::Heading(Heading::Scenario));
        }
        may_follow
    }

    fn is(&self, kind: Kind, line: Option<&Line<'t>>) -> bool {
        let Some(line) = line else { return kind == Kind::End };
        match kind {
            Kind::End => false,
            Kind::Empty => line.is_empty(),
            Kind::Comment => line.body.starts_with('#'),
            Kind::Language => line.language().is_some(),
            Kind::Tags => line.body.starts_with('@'),
            Kind::Heading(heading) => self.dialect.heading(heading, line.body).is_some(),
            Kind::Step => self.dialect.step(line.body).is_some(),
            Kind::TableRow => line.body.starts_with('|'),
            Kind::DocString => DELIMITERS.iter().any(|(delimiter, _)| line.body.starts_with(delimiter)),
            Kind::Prose => true,
        }
    }

    fn take(&mut self, kind: Kind, line: Line<'t>) {
        self.lost &= matches!(kind, Kind::Empty | Kind::Comment);
        match kind {
            Kind::End | Kind::Empty => {}
            Kind::Comment => self.begin_prose(),
            Kind::Language => self.language(line),
            Kind::Tags => self.tags(line),
            Kind::Heading(heading) => self.heading(heading, line),
            Kind::Step => self.step(line),
            Kind::TableRow => self.row(line),
            Kind::DocString => self.doc_string(line),
            Kind::Prose => {
                self.begin_prose();
                self.open.prose(&line);
            }
        }
    }

    /// From here on empty lines belong to the description.
    fn begin_prose(&mut self) {
        if let After::Title(part) = self.after {
            self.after = After::Prose(part);
        }
    }

    fn language(&mut self, line: Line<'t>) {
        let code = line.language().unwrap_or_default();
        self.after = After::Language;
        match Dialect::called(code) {
            Some(dialect) => self.dialect = dialect,
            None => {
                let hint = did_you_mean(code, Dialect::codes());
                let hint = hint.unwrap_or_else(|| "write a code such as `en`, `fr` or `zh-CN`".into());
                self.wrong(line.place(), SyntaxErrorKind::UnknownLanguage { code: code.into(), hint });
                // What follows can't be judged in a language that is not known.
                self.next = self.lines.len();
                self.after = After::Nothing;
            }
        }
    }

    fn tags(&mut self, line: Line<'t>) {
        match line.tags() {
            Ok(tags) => self.tags.extend(tags),
            Err(place) => return self.wrong(place, SyntaxErrorKind::TagWithBlank),
        }
        self.after = After::Tags(match self.after {
            After::Nothing | After::Language => Heading::Feature,
            After::Tags(part) => part,
            _ => self.tagged(),
        });
    }

    /// What the tags at this place belong to: what comes after them, comments and empty lines.
    fn tagged(&self) -> Heading {
        let rest = &self.lines[self.next..];
        let line = rest.iter().find(|line| !line.is_empty() && !line.body.starts_with(['#', '@']));
        let is = |heading| line.is_some_and(|line| self.dialect.heading(heading, line.body).is_some());
        if self.open.in_scenario() && is(Heading::Examples) {
            Heading::Examples
        } else if is(Heading::Scenario) || is(Heading::Outline) {
            Heading::Scenario
        } else {
            Heading::Rule
        }
    }

    fn heading(&mut self, heading: Heading, line: Line<'t>) {
        let (keyword, name) = self.dialect.heading(heading, line.body).unwrap_or_default();
        let title = Title { place: line.place(), keyword, name: name.into(), prose: Vec::new() };
        let tags = std::mem::take(&mut self.tags);
        match heading {
            Heading::Feature => self.open.feature(self.dialect.code, title, tags),
            Heading::Background => self.open.background(title),
            Heading::Rule => self.open.rule(title, tags),
            Heading::Scenario => self.open.scenario(title, false, tags),
            Heading::Outline => self.open.scenario(title, true, tags),
            Heading::Examples => self.open.examples(title, tags),
        }
        self.after = After::Title(heading);
    }

    fn step(&mut self, line: Line<'t>) {
        let Some((keyword, kind, text)) = self.dialect.step(line.body) else { return };
        let (table, doc_string) = (Vec::new(), None);
        self.open.step(Step { place: line.place(), keyword, kind, text: text.into(), table, doc_string });
        self.after = After::Step { row: true, doc_string: true };
    }

    fn row(&mut self, line: Line<'t>) {
        let row = TableRow { place: line.place(), cells: line.cells() };
        if let Some(table) = self.open.table() {
            table.push(row);
            let (first, found) = (&table[0], table[table.len() - 1].cells.len());
            let (top, expected) = (first.place, first.cells.len());
            // One mistake a table: the rows below are often as long as the first that differs.
            let uneven = |error: &SyntaxError| matches!(error.kind, SyntaxErrorKind::Uneven { .. });
            let is_known = self.errors.iter().any(|error| uneven(error) && error.place > top);
            if found != expected && !is_known {
                self.wrong(line.place(), SyntaxErrorKind::Uneven { found, expected });
            }
        }
        self.after = match self.after {
            After::Step { .. } => {
                let doc_string = self.open.last_step().is_none_or(|step| step.doc_string.is_none());
                After::Step { row: true, doc_string }
            }
            _ => After::TableRow,
        };
    }

    /// Reads on to the closing delimiter.
    fn doc_string(&mut self, opening: Line<'t>) {
        let (delimiter, escaped) =
            if opening.body.starts_with(DELIMITERS[0].0) { DELIMITERS[0] } else { DELIMITERS[1] };
        let within = self.lines[self.next..].iter().take_while(|line| !line.body.starts_with(delimiter));
        let content: Vec<_> =
            within.map(|line| line.without_indent(opening.indent).replace(escaped, delimiter)).collect();
        self.next += content.len() + 1;
        if self.next > self.lines.len() {
            self.next = self.lines.len();
            let opened = opening.number;
            self.unfinished(format!("`{delimiter}`, which ends the text that starts in line {opened}"));
        }
        let media_type = Some(opening.body[delimiter.len()..].trim()).filter(|media| !media.is_empty());
        if let Some(step) = self.open.last_step() {
            let (place, media_type) = (opening.place(), media_type.map(Into::into));
            step.doc_string = Some(DocString { place, media_type, content: content.join("\n") });
            self.after = After::Step { row: step.table.is_empty(), doc_string: false };
        }
    }

    /// The place is the line after the last one.
    fn unfinished(&mut self, expected: String) {
        let place = Place { line: self.lines.len() + 1, column: 1 };
        self.wrong(place, SyntaxErrorKind::Unfinished { expected });
    }

    fn wrong(&mut self, place: Place, kind: SyntaxErrorKind) {
        self.errors.push(SyntaxError { place, kind, again: self.lost });
    }
}

/// What comes first in such a part.
fn within(part: Heading) -> Kind {
    match part {
        Heading::Feature | Heading::Rule => Kind::Heading(Heading::Background),
        Heading::Background | Heading::Scenario | Heading::Outline => Kind::Step,
        Heading::Examples => Kind::TableRow,
    }
}
