//! What a feature file consists of, with the place of each part.

/// Where something begins; both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// As in `# language: fr`; `en` where the file does not say.
    pub language: &'static str,
    /// The keyword, the name and the description.
    pub title: Title,
    /// The feature's own tags.
    pub tags: Vec<Tag>,
    /// The steps that all scenarios begin with.
    pub background: Option<Background>,
    /// Those outside of rules.
    pub scenarios: Vec<Scenario>,
    /// Rules come after all scenarios that belong to none.
    pub rules: Vec<Rule>,
}

/// A line with a keyword and a name, and the prose below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// Where the keyword begins.
    pub place: Place,
    /// As it was written, without the colon.
    pub keyword: &'static str,
    /// Empty where there is none.
    pub name: String,
    /// The lines of the description with their numbers; comments are left out.
    pub prose: Vec<(usize, String)>,
}

/// A rule and its scenarios.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The keyword, the name and the description.
    pub title: Title,
    /// The rule's own tags.
    pub tags: Vec<Tag>,
    /// Comes after the feature's.
    pub background: Option<Background>,
    /// In the order of the file.
    pub scenarios: Vec<Scenario>,
}

/// Steps that come before those of every scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// The keyword, the name and the description.
    pub title: Title,
    /// In the order of the file.
    pub steps: Vec<Step>,
}

/// A scenario, or an outline where it has examples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The keyword, the name and the description.
    pub title: Title,
    /// Whether the keyword is that of an outline; it may have examples all the same if not.
    pub is_outline: bool,
    /// The scenario's own tags.
    pub tags: Vec<Tag>,
    /// In the order of the file.
    pub steps: Vec<Step>,
    /// In the order of the file.
    pub examples: Vec<Examples>,
}

/// A table of values for an outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examples {
    /// The keyword, the name and the description.
    pub title: Title,
    /// The tags of the scenarios that are made of these rows.
    pub tags: Vec<Tag>,
    /// The header and the rows; all have the same number of cells.
    pub table: Vec<TableRow>,
}

/// A step with what is attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the keyword begins.
    pub place: Place,
    /// As it was written, with the blank that belongs to it.
    pub keyword: &'static str,
    /// What the keyword means.
    pub kind: StepKind,
    /// What follows the keyword.
    pub text: String,
    /// All rows have the same number of cells; empty where there is no table.
    pub table: Vec<TableRow>,
    /// The text between `"""` or backticks.
    pub doc_string: Option<DocString>,
}

/// What a step's keyword says of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// It prepares.
    Given,
    /// It acts.
    When,
    /// It judges.
    Then,
    /// `And` and `But`: the same as the step before.
    Conjunction,
    /// `*`, which says nothing.
    Any,
}

/// A line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Where its first `|` is.
    pub place: Place,
    /// Without the blanks around them, escapes replaced.
    pub cells: Vec<String>,
}

/// A text of several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocString {
    /// Where the opening delimiter is.
    pub place: Place,
    /// What follows the opening delimiter, if anything.
    pub media_type: Option<String>,
    /// Without the indentation of the opening delimiter.
    pub content: String,
}

/// A tag with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Where its `@` is.
    pub place: Place,
    /// Without the `@`.
    pub name: String,
}

impl Title {
    /// The description as one text, without empty lines at its end.
    pub fn description(&self) -> String {
        let lines: Vec<_> = self.prose.iter().map(|(_, line)| line.as_str()).collect();
        let whole = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        lines[..whole].join("\n")
    }
}
