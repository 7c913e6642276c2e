//! The registered steps: finding the one that a text means. Where there is none, [`suggest`] says what may be meant.

use cucumber::World as _;
use cucumber::codegen::{Expression, Regex, StepConstructor, WorldInventory, inventory};
use cucumber::gherkin::{Step, StepType};
use cucumber::step::{self, Location};
use regex::Captures;

use super::world::World;

mod spelling;
mod suggest;
mod units;

/// A parameter type, registered so that patterns can be shown as they were written and errors can say what fits.
#[derive(Debug, Clone, Copy)]
pub struct ParameterType {
    /// As in patterns: `duration_bound`.
    pub name: &'static str,
    /// What it matches.
    pub regex: &'static str,
    /// What it accepts, for people.
    pub accepts: &'static str,
}

cucumber::codegen::collect!(ParameterType);

/// A step that is made while the program runs, from a phrase.
pub struct MadeStep {
    /// `When` or `Then`.
    pub keyword: &'static str,
    /// As it was written.
    pub text: &'static str,
    /// What it matches.
    pub regex: Regex,
    /// Where it was registered. Line 0: the whole file.
    pub location: Location,
    /// What it does.
    pub step: step::Step<World>,
}

/// Steps that were made.
#[derive(Default)]
pub struct Made {
    /// In the order in which they are listed.
    pub steps: Vec<MadeStep>,
    /// The parameters that were made for them.
    pub parameters: Vec<ParameterType>,
    /// What is wrong with what steps could not be made of, each with its place.
    pub wrong: Vec<(Location, String)>,
}

/// Makes steps of what faults, and what other crates register, say of themselves.
pub struct MadeSteps(pub fn() -> Made);

cucumber::codegen::collect!(MadeSteps);

/// A registered step.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// `Given`, `When` or `Then`.
    pub keyword: &'static str,
    /// As it was written: `{target} die(s){schedule}`.
    pub text: String,
    /// Where it was written. Line 0: somewhere in the file.
    pub location: Location,
    regex: Regex,
}

/// All registered steps: the shipped ones and the user's own.
pub struct Vocabulary {
    collection: step::Collection<World>,
    patterns: Vec<Pattern>,
    parameters: Vec<Parameter>,
    made_parameters: Vec<ParameterType>,
    /// What is wrong with phrases that other crates register, by place.
    wrong: Vec<(Location, String)>,
}

struct Parameter {
    kind: ParameterType,
    /// Where it stands between blanks.
    word: Regex,
    /// Nothing is a value of it.
    is_optional: bool,
}

impl Vocabulary {
    /// Everything that was linked in.
    ///
    /// # Panics
    /// If that is nothing: then the steps were lost by the linker, and every scenario would be empty.
    pub fn registered() -> Vocabulary {
        let parameters = parameters();
        let mut patterns = Vec::new();
        patterns.extend(registered::<<World as WorldInventory>::Given>("Given", &parameters));
        patterns.extend(registered::<<World as WorldInventory>::When>("When", &parameters));
        patterns.extend(registered::<<World as WorldInventory>::Then>("Then", &parameters));
        assert!(!patterns.is_empty(), "no steps are registered");
        patterns.sort_by_key(|pattern| pattern.location);
        let functions = Vocabulary {
            collection: World::collection(),
            patterns: Vec::new(),
            parameters,
            made_parameters: Vec::new(),
            wrong: Vec::new(),
        };
        let mut all = inventory::iter::<MadeSteps>.into_iter().fold(functions, |all, made| all.with((made.0)()));
        all.patterns.extend(patterns);
        all
    }

    fn with(mut self, made: Made) -> Vocabulary {
        for MadeStep { keyword, text, regex, location, step } in made.steps {
            self.collection = match keyword {
                "When" => self.collection.when(Some(location), regex.clone(), step),
                _ => self.collection.then(Some(location), regex.clone(), step),
            };
            self.patterns.push(Pattern { keyword, text: text.into(), location, regex });
        }
        self.made_parameters.extend(made.parameters);
        self.wrong.extend(made.wrong);
        self
    }

    /// What is wrong with phrases that other crates register: file, line, and what it is.
    pub(super) fn wrong(&self) -> impl Iterator<Item = (&'static str, u32, &str)> {
        self.wrong.iter().map(|(location, why)| (location.path, location.line, why.as_str()))
    }

    /// All patterns: those that were made in their order, then functions by file and line.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// All parameter types, by name.
    pub fn parameter_types(&self) -> Vec<ParameterType> {
        let mut types: Vec<_> = self.parameters.iter().map(|parameter| parameter.kind).collect();
        types.extend(&self.made_parameters);
        types.sort_by_key(|kind| kind.name);
        types
    }

    /// The patterns that match a text, whatever their keyword.
    pub fn matching(&self, text: &str) -> Vec<&Pattern> {
        self.patterns.iter().filter(|pattern| pattern.regex.is_match(text)).collect()
    }

    /// The keyword under which a text is a step.
    pub(super) fn keyword_of(&self, text: &str) -> Option<&'static str> {
        self.matching(text).first().map(|pattern| pattern.keyword)
    }

    /// The kind of step that a text is.
    pub(super) fn kind_of(&self, text: &str) -> Option<StepType> {
        [StepType::Given, StepType::When, StepType::Then]
            .into_iter()
            .find(|kind| self.keyword_of(text) == Some(keyword(*kind)))
    }

    /// The function of a step and what it is called with. A step without a kind (`* …`) is what its text is.
    ///
    /// # Errors
    /// Why there is none, or not one, for people.
    pub(super) fn find(
        &self,
        step: &Step,
        kind: Option<StepType>,
    ) -> Result<(step::Step<World>, step::Context), NotFound> {
        let ty = kind.or_else(|| self.kind_of(&step.value)).unwrap_or(step.ty);
        let step = &Step { ty, ..step.clone() };
        match self.collection.find(step) {
            Ok(Some((function, _, _, context))) => Ok((*function, context)),
            Ok(None) => Err(NotFound::Undefined(self.undefined(step))),
            Err(_) => Err(NotFound::Ambiguous(self.ambiguous(step))),
        }
    }

    fn ambiguous(&self, step: &Step) -> String {
        let mut text = format!("several steps match `{} {}`:", keyword(step.ty), step.value);
        for pattern in self.matching(&step.value) {
            text.push_str(&format!("\n  {} {} ({})", pattern.keyword, pattern.text, place(&pattern.location)));
        }
        text
    }
}

/// Why a step has no function.
pub(super) enum NotFound {
    Undefined(String),
    Ambiguous(String),
}

fn keyword(kind: StepType) -> &'static str {
    match kind {
        StepType::Given => "Given",
        StepType::When => "When",
        StepType::Then => "Then",
    }
}

/// The file below the package, so that it does not matter where it was built.
fn place(location: &Location) -> String {
    let path = location.path.rsplit_once("../").map_or(location.path, |(_, path)| path);
    if location.line == 0 { path.into() } else { format!("{path}:{}", location.line) }
}

/// The longest first: it is the most telling one where several fit.
fn parameters() -> Vec<Parameter> {
    let mut parameters: Vec<_> = inventory::iter::<ParameterType>
        .into_iter()
        .map(|kind| Parameter {
            kind: *kind,
            word: Regex::new(&format!(r"(?P<before>^|\s)(?:{})(?P<after>\s|$)", kind.regex))
                .expect("a parameter's regex was checked when it was derived"),
            is_optional: Regex::new(&format!("^(?:{})$", kind.regex)).is_ok_and(|regex| regex.is_match("")),
        })
        .collect();
    parameters.sort_by_key(|parameter| std::cmp::Reverse(parameter.kind.regex.len()));
    parameters
}

fn registered<S>(keyword: &'static str, parameters: &[Parameter]) -> Vec<Pattern>
where
    S: inventory::Collect + StepConstructor<World>,
{
    let pattern = |step: &S| {
        let (location, regex, _) = step.inner();
        let regex = regex();
        Pattern { keyword, text: as_written(regex.as_str(), parameters), location, regex }
    };
    inventory::iter::<S>.into_iter().map(pattern).collect()
}

/// Cucumber keeps only the regex of an expression; this turns it back: `miss(?:es)?` into `miss(es)`.
fn as_written(regex: &str, parameters: &[Parameter]) -> String {
    let text = regex.trim_start_matches('^').trim_end_matches('$');
    // Groups within a built-in parameter are named after its place; they are told apart by nobody here.
    let place = Regex::new(r"\(\?P<__\d+_").expect("a constant");
    let mut text = place.replace_all(text, "(?P<__0_").into_owned();
    for Parameter { kind, .. } in parameters {
        text = text.replace(&format!("({})", kind.regex), &format!("{{{}}}", kind.name));
    }
    for built_in in ["{int}", "{float}", "{string}", "{word}"] {
        let expanded = Expression::regex(built_in).expect("cucumber's own parameters are expressions");
        text = text.replace(expanded.as_str().trim_start_matches('^').trim_end_matches('$'), built_in);
    }
    let optional = Regex::new(r"\(\?:([^()|]*)\)\?").expect("a constant");
    let alternation = Regex::new(r"\(\?:([^()]*\|[^()]*)\)").expect("a constant");
    let text = optional.replace_all(&text, "($1)");
    alternation.replace_all(&text, |found: &Captures<'_>| found[1].replace('|', "/")).into_owned()
}
