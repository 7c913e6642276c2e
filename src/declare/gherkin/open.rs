//! A feature while it is read: what is open at the line that is being read, and what it is attached to when it closes.

use super::line::Line;
use super::syntax::{Background, Examples, Feature, Rule, Scenario, Step, TableRow, Tag, Title};

/// The parts that are open, the outermost first.
#[derive(Debug, Default)]
pub(super) struct Open {
    feature: Option<Feature>,
    rule: Option<Rule>,
    background: Option<Background>,
    scenario: Option<Scenario>,
    examples: Option<Examples>,
}

impl Open {
    pub fn feature(&mut self, language: &'static str, title: Title, tags: Vec<Tag>) {
        let (scenarios, rules) = (Vec::new(), Vec::new());
        self.feature = Some(Feature { language, title, tags, background: None, scenarios, rules });
    }

    pub fn rule(&mut self, title: Title, tags: Vec<Tag>) {
        self.close_rule();
        self.rule = Some(Rule { title, tags, background: None, scenarios: Vec::new() });
    }

    pub fn background(&mut self, title: Title) {
        self.background = Some(Background { title, steps: Vec::new() });
    }

    pub fn scenario(&mut self, title: Title, is_outline: bool, tags: Vec<Tag>) {
        self.close_scenario();
        self.scenario = Some(Scenario { title, is_outline, tags, steps: Vec::new(), examples: Vec::new() });
    }

    pub fn examples(&mut self, title: Title, tags: Vec<Tag>) {
        self.close_examples();
        self.examples = Some(Examples { title, tags, table: Vec::new() });
    }

    /// Whether a line below belongs to a scenario.
    pub fn in_scenario(&self) -> bool {
        self.scenario.is_some()
    }

    /// The title of the innermost part.
    pub fn title(&mut self) -> Option<&mut Title> {
        let examples = self.examples.as_mut().map(|examples| &mut examples.title);
        let scenario = self.scenario.as_mut().map(|scenario| &mut scenario.title);
        let background = self.background.as_mut().map(|background| &mut background.title);
        let rule = self.rule.as_mut().map(|rule| &mut rule.title);
        let feature = self.feature.as_mut().map(|feature| &mut feature.title);
        examples.or(scenario).or(background).or(rule).or(feature)
    }

    /// Another line of the innermost description.
    pub fn prose(&mut self, line: &Line<'_>) {
        if let Some(title) = self.title() {
            title.prose.push((line.number, line.whole.into()));
        }
    }

    pub fn step(&mut self, step: Step) {
        if let Some(steps) = self.steps() {
            steps.push(step);
        }
    }

    /// The step that a table or a doc string belongs to.
    pub fn last_step(&mut self) -> Option<&mut Step> {
        self.steps()?.last_mut()
    }

    fn steps(&mut self) -> Option<&mut Vec<Step>> {
        let scenario = self.scenario.as_mut().map(|scenario| &mut scenario.steps);
        scenario.or(self.background.as_mut().map(|background| &mut background.steps))
    }

    /// The table that a row belongs to: that of the examples, else that of the last step.
    pub fn table(&mut self) -> Option<&mut Vec<TableRow>> {
        if self.examples.is_some() {
            return self.examples.as_mut().map(|examples| &mut examples.table);
        }
        self.last_step().map(|step| &mut step.table)
    }

    /// The whole feature, if there is one.
    pub fn close(mut self) -> Option<Feature> {
        self.close_rule();
        self.feature
    }

    fn close_rule(&mut self) {
        self.close_scenario();
        if let (Some(rule), Some(feature)) = (self.rule.take(), self.feature.as_mut()) {
            feature.rules.push(rule);
        }
    }

    /// Closes the background too: no step comes to it once a scenario or a rule has begun.
    fn close_scenario(&mut self) {
        self.close_examples();
        let (background, scenario) = (self.background.take(), self.scenario.take());
        let (Some(feature), rule) = (self.feature.as_mut(), self.rule.as_mut()) else { return };
        let (of_all, scenarios) = match rule {
            Some(rule) => (&mut rule.background, &mut rule.scenarios),
            None => (&mut feature.background, &mut feature.scenarios),
        };
        *of_all = background.or(of_all.take());
        scenarios.extend(scenario);
    }

    fn close_examples(&mut self) {
        if let (Some(examples), Some(scenario)) = (self.examples.take(), self.scenario.as_mut()) {
            scenario.examples.push(examples);
        }
    }
}
