//! The verdict table that ends a run on a terminal: for a tired person at night.

use crate::verdict::Verdict;

use super::facts::Facts;
use super::figures::{KeyFigures, key_figures};
use super::record::{HypothesisRecord, RunRecord, ScenarioRecord};
use super::validity::care;
use super::words::{exit_meaning, grouped, notes, one_line, seconds, totals, uptime, verdict_sign, verdict_word, why};

/// Below this width the figures stand on a line of their own.
const NARROW: usize = 96;
/// No line is made shorter than this, whatever the terminal says.
const NARROWEST: usize = 40;
/// Columns: sign and word of the verdict.
const VERDICT_WIDTH: usize = 11;
/// Columns of the four figures, beside the name.
const FIGURE_WIDTHS: [usize; 4] = [16, 15, 17, 14];
/// What the figures are.
const FIGURE_NAMES: [&str; 4] = ["avail. degraded", "latency", "longest outage", "recovery"];

/// The verdict table: a line a scenario, what failed with expected and observed, totals and the exit code's meaning.
/// No line is wider than `width` columns (but at least 40). Ends with a newline.
pub fn verdict_table(record: &RunRecord, colour: bool, width: usize) -> String {
    let page = Page { colour, width: width.max(NARROWEST) };
    let mut lines = Vec::new();
    if page.width >= NARROW && !record.scenarios.is_empty() {
        lines.push(page.header());
    }
    for scenario in &record.scenarios {
        page.scenario(scenario, &mut lines);
    }
    lines.push(String::new());
    page.totals(record, &mut lines);
    lines.join("\n") + "\n"
}

struct Page {
    colour: bool,
    width: usize,
}

impl Page {
    fn name_width(&self) -> usize {
        self.width - VERDICT_WIDTH - if self.width >= NARROW { FIGURE_WIDTHS.iter().sum() } else { 0 }
    }

    fn header(&self) -> String {
        let name = padded("scenario", self.name_width());
        let line = format!("{}{name}{}", padded("verdict", VERDICT_WIDTH), columns(FIGURE_NAMES.map(String::from)));
        self.painted(&line, "2")
    }

    fn scenario(&self, scenario: &ScenarioRecord, lines: &mut Vec<String>) {
        let word = padded(
            &format!("{} {}", verdict_sign(scenario.verdict), verdict_word(scenario.verdict).to_uppercase()),
            VERDICT_WIDTH,
        );
        let figures = figures(&key_figures(scenario));
        let mut name = one_line(&scenario.name);
        if scenario.attempts > 1 {
            name.push_str(&format!(" ({} attempts)", scenario.attempts));
        }
        let names = wrapped(&name, self.name_width() - 1);
        let wide = self.width >= NARROW;
        for (nth, part) in names.iter().enumerate() {
            let verdict = if nth == 0 { self.verdict(&word, scenario.verdict) } else { " ".repeat(VERDICT_WIDTH) };
            let beside = if nth == 0 && wide { columns(figures.clone()) } else { String::new() };
            let part = if beside.is_empty() { part.clone() } else { padded(part, self.name_width()) };
            lines.push(format!("{verdict}{part}{beside}").trim_end().to_string());
        }
        if !wide && scenario.milestones.t0_at_s.is_some() {
            let text: Vec<String> = FIGURE_NAMES.iter().zip(&figures).map(|(n, f)| format!("{n} {f}")).collect();
            self.indented(&text.join(" · "), VERDICT_WIDTH, None, lines);
        }
        if let Some(care) = care(scenario) {
            self.indented(&care, VERDICT_WIDTH, None, lines);
        }
        if let Some(met) = Facts::of(scenario).line() {
            self.indented(&met, VERDICT_WIDTH, None, lines);
        }
        if let Some(uptime) = uptime(scenario) {
            self.indented(&format!("uptime {uptime}"), VERDICT_WIDTH, None, lines);
        }
        for note in notes(scenario) {
            self.indented(&note, VERDICT_WIDTH, None, lines);
        }
        if scenario.verdict != Verdict::Pass {
            self.explanation(scenario, lines);
        }
    }

    fn explanation(&self, scenario: &ScenarioRecord, lines: &mut Vec<String>) {
        let told: Vec<_> = scenario.hypotheses.iter().filter(|h| h.verdict == Verdict::Fail).collect();
        for hypothesis in &told {
            self.hypothesis(scenario, hypothesis, lines);
        }
        if told.is_empty() {
            self.indented(&why(scenario), VERDICT_WIDTH, None, lines);
            self.indented(&format!("{}:{}", scenario.feature, scenario.line), VERDICT_WIDTH, Some("2"), lines);
        }
        // What was skipped has not run, and the command would skip it again.
        if let Some(command) = scenario.reproduce.as_ref().filter(|_| scenario.verdict != Verdict::Skipped) {
            self.indented(&format!("again: {command}"), VERDICT_WIDTH, Some("2"), lines);
        }
    }

    fn hypothesis(&self, scenario: &ScenarioRecord, hypothesis: &HypothesisRecord, lines: &mut Vec<String>) {
        self.indented(&format!("Then {}", hypothesis.step), VERDICT_WIDTH, Some("1"), lines);
        let samples = hypothesis.n.map(|n| format!(" ({} samples)", grouped(n))).unwrap_or_default();
        let values = format!("expected {}, observed {}{samples}", hypothesis.expected, hypothesis.observed);
        self.indented(&values, VERDICT_WIDTH + 2, None, lines);
        if let Some(reason) = &hypothesis.reason {
            self.indented(&one_line(reason), VERDICT_WIDTH + 2, None, lines);
        }
        self.indented(&format!("{}:{}", scenario.feature, hypothesis.line), VERDICT_WIDTH + 2, Some("2"), lines);
    }

    fn totals(&self, record: &RunRecord, lines: &mut Vec<String>) {
        let facts = format!("{} · {} · seed {}", totals(record), seconds(record.duration_s), record.seed);
        self.indented(&facts, 0, Some("1"), lines);
        if let Some(why) = &record.interrupted {
            self.indented(&format!("ended early: {}", one_line(why)), 0, None, lines);
        }
        let exit = format!("exit {}: {}", record.exit_code, exit_meaning(record));
        self.indented(&exit, 0, Some(code_of(record.verdict)), lines);
    }

    fn indented(&self, text: &str, indent: usize, style: Option<&str>, lines: &mut Vec<String>) {
        for line in wrapped(&one_line(text), self.width - indent) {
            let line = style.map_or(line.clone(), |code| self.painted(&line, code));
            lines.push(format!("{}{line}", " ".repeat(indent)));
        }
    }

    fn verdict(&self, word: &str, verdict: Verdict) -> String {
        self.painted(word, code_of(verdict))
    }

    /// Text with an SGR code around it, where colour is wanted.
    fn painted(&self, text: &str, code: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }
}

/// The SGR code of a verdict: green, red, yellow; bold, so that it is found without colour too.
fn code_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "1;32",
        Verdict::Fail | Verdict::Aborted => "1;31",
        Verdict::Invalid | Verdict::Infra => "1;33",
        Verdict::Skipped => "2",
    }
}

fn figures(figures: &KeyFigures) -> [String; 4] {
    let KeyFigures { availability, latency_name, latency, outage, recovery, .. } = figures.clone();
    let short = if latency_name == "maximum" { "max" } else { &latency_name };
    [availability, format!("{short} {latency}"), outage, recovery]
}

fn columns(cells: [String; 4]) -> String {
    cells.iter().zip(FIGURE_WIDTHS).map(|(cell, width)| format!("{cell:>width$}")).collect()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// The text in lines of at most `width` characters, broken at spaces, and inside a word only if it is longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').flat_map(|word| pieces(word, width)) {
        let line = lines.last_mut().expect("there is always a line");
        let used = line.chars().count();
        if used == 0 {
            line.push_str(&word);
        } else if used + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_line_a_scenario_and_what_failed() {
        insta::assert_snapshot!(verdict_table(&sample::run().record, false, 110));
    }

    #[test]
    fn on_a_narrow_terminal_the_figures_get_their_own_line() {
        insta::assert_snapshot!(verdict_table(&sample::run().record, false, 60));
    }

    #[test]
    fn what_qualifies_a_verdict_stands_below_it() {
        let mut record = sample::run().record;
        record.scenarios[0].validity.cpu_pressure_pct = Some(81.0);
        let table = verdict_table(&record, false, 110);
        let below = table.lines().skip_while(|line| !line.starts_with("✓ PASS")).nth(1).unwrap();
        assert!(
            below.trim_start().starts_with("to be read with care: the machine that probes was short of CPU"),
            "{table}"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for run in [sample::run(), sample::hostile()] {
            for width in [40, 57, 80, 89, 90, 100, 200] {
                for line in verdict_table(&run.record, false, width).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn colour_adds_codes_and_nothing_else() {
        let record = sample::run().record;
        let mut plain = String::new();
        let mut rest = verdict_table(&record, true, 100);
        while let Some(start) = rest.find('\u{1b}') {
            plain.push_str(&rest[..start]);
            rest = rest[start..].split_once('m').unwrap().1.to_string();
        }
        assert_eq!(plain + &rest, verdict_table(&record, false, 100));
    }

    #[test]
    fn without_colour_a_hostile_name_cannot_paint() {
        assert!(!verdict_table(&sample::hostile().record, false, 100).contains('\u{1b}'));
    }

    #[test]
    fn a_run_without_scenarios_says_so() {
        let mut record = sample::run().record;
        record.scenarios.clear();
        record.exit_code = 7;
        assert!(verdict_table(&record, false, 100).contains("exit 7: nothing ran"));
    }
}
