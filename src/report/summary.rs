//! `summary.md`: what a CI job shows. One line of totals, a row a scenario, what users met in it, and for each that
//! did not pass one **Why** and one **Reproduce** line.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::verdict::Verdict;

use super::containers;
use super::facts::Facts;
use super::figures::key_figures;
use super::record::ScenarioRecord;
use super::validity::care;
use super::words::{exit_meaning, notes, one_line, seconds, totals, uptime, verdict_sign, verdict_word, why};
use super::{JudgedRun, Report};

/// The most that is written, in bytes: GitHub refuses job summaries and comments of more than 64 KiB.
const LIMIT: usize = 60_000;
/// The part of it that the table may take, so that there is always room for the reasons.
const TABLE_LIMIT: usize = 35_000;
/// The part that table and lists may take together.
const LISTS_LIMIT: usize = 45_000;
/// The longest a single cell or reason may get, in characters.
const TEXT_LIMIT: usize = 600;

/// Renders `summary.md`.
pub struct Summary;

impl Report for Summary {
    fn file_name(&self) -> &'static str {
        "summary.md"
    }

    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(markdown(run).as_bytes())
    }
}

fn markdown(run: &JudgedRun) -> String {
    let mut text = String::new();
    head(&mut text, run);
    table(&mut text, &run.record.scenarios);
    uptimes(&mut text, &run.record.scenarios);
    list(&mut text, "Notes", &run.record.scenarios, |one| care(one).into_iter().chain(notes(one)).collect());
    list(&mut text, "Containers", &run.record.scenarios, containers::lines);
    list(&mut text, "What users met", &run.record.scenarios, |one| Facts::of(one).line().into_iter().collect());
    reasons(&mut text, run);
    text
}

/// A line for each run that was long enough to say how available the site is.
fn uptimes(text: &mut String, scenarios: &[ScenarioRecord]) {
    for (scenario, uptime) in scenarios.iter().filter_map(|scenario| Some((scenario, uptime(scenario)?))) {
        put(text, &format!("\n**Uptime** of {}: {}\n", escaped(&scenario.name), escaped(&uptime)));
    }
}

fn head(text: &mut String, run: &JudgedRun) {
    let record = &run.record;
    let (sign, word) = (verdict_sign(record.verdict), verdict_word(record.verdict));
    let facts = [totals(record), seconds(record.duration_s), format!("seed {}", record.seed)].join(" · ");
    let commit = record.git_sha.as_ref().map(|sha| format!(" · commit {}", sha.chars().take(12).collect::<String>()));
    let facts = format!("{facts} · {}{}", record.started_at, commit.unwrap_or_default());
    let exit = format!("exit {} ({})", record.exit_code, exit_meaning(record));
    put(text, &format!("**{sign} {word}** · {facts} · {exit}\n"));
    if let Some(why) = &record.interrupted {
        put(text, &format!("\n**Ended early:** {}\n", escaped(why)));
    }
}

fn table(text: &mut String, scenarios: &[ScenarioRecord]) {
    if scenarios.is_empty() {
        return;
    }
    put(text, "\n| verdict | scenario | availability while degraded | latency | longest outage | recovery |\n");
    put(text, "|---|---|--:|--:|--:|--:|\n");
    for (done, scenario) in scenarios.iter().enumerate() {
        let row = row(scenario);
        if text.len() + row.len() > TABLE_LIMIT {
            put(text, &format!("\n… and {} more scenarios: see `report.html`.\n", scenarios.len() - done));
            return;
        }
        put(text, &row);
    }
}

fn row(scenario: &ScenarioRecord) -> String {
    let figures = key_figures(scenario);
    let (sign, word) = (verdict_sign(scenario.verdict), verdict_word(scenario.verdict));
    let tried = if scenario.attempts > 1 { format!(" ({} attempts)", scenario.attempts) } else { String::new() };
    format!(
        "| {sign} {word} | {}{tried} | {} | {} {} | {} | {} |\n",
        escaped(&scenario.name),
        figures.availability,
        figures.latency_name,
        figures.latency,
        figures.outage,
        figures.recovery
    )
}

/// A line for each thing that is to be said of a scenario, under a title; nothing where there is none.
fn list(text: &mut String, title: &str, scenarios: &[ScenarioRecord], said: impl Fn(&ScenarioRecord) -> Vec<String>) {
    let lines: Vec<String> = scenarios
        .iter()
        .flat_map(|scenario| said(scenario).into_iter().map(|line| (escaped(&scenario.name), escaped(&line))))
        .map(|(name, line)| format!("- {name}: {line}\n"))
        .collect();
    if lines.is_empty() {
        return;
    }
    put(text, &format!("\n**{title}**\n\n"));
    for (done, line) in lines.iter().enumerate() {
        if text.len() + line.len() > LISTS_LIMIT {
            put(text, &format!("\n… and {} more: see `report.html`.\n", lines.len() - done));
            return;
        }
        put(text, line);
    }
}

fn reasons(text: &mut String, run: &JudgedRun) {
    let not_passed: Vec<_> = run.record.scenarios.iter().filter(|s| s.verdict != Verdict::Pass).collect();
    for (done, scenario) in not_passed.iter().enumerate() {
        let command = scenario.reproduce.as_ref().unwrap_or(&run.provenance.command);
        let reason = reason(scenario, command);
        // 100 bytes are kept for the line that says what was left out.
        if text.len() + reason.len() > LIMIT - 100 {
            put(text, &format!("\n… and {} more that did not pass: see `report.html`.\n", not_passed.len() - done));
            return;
        }
        put(text, &reason);
    }
}

fn reason(scenario: &ScenarioRecord, command: &str) -> String {
    let (sign, word) = (verdict_sign(scenario.verdict), verdict_word(scenario.verdict));
    format!(
        "\n**{sign} {word}: {}**\n**Why** {}\n**Reproduce** {} ({})\n",
        escaped(&scenario.name),
        escaped(&why(scenario)),
        code(command),
        code(&format!("{}:{}", scenario.feature, scenario.line))
    )
    .replace("**\n**", "**  \n**")
    .replace("\n**Reproduce", "  \n**Reproduce")
}

fn put(text: &mut String, part: &str) {
    text.write_str(part).expect("a String takes any text");
}

/// Plain text for Markdown: one line, with everything that Markdown or HTML would take as its own escaped.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in clipped(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '@' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// A code span; a longer fence where the text itself has backticks. It is whole: half a command can't be run.
fn code(text: &str) -> String {
    let text = one_line(text);
    let run = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let (fence, pad) = ("`".repeat(run + 1), if run > 0 { " " } else { "" });
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn clipped(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(TEXT_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn totals_a_row_a_scenario_and_the_reasons() {
        insta::assert_snapshot!(markdown(&sample::run()));
    }

    #[test]
    fn what_qualifies_a_verdict_is_a_note() {
        let mut run = sample::run();
        run.record.scenarios[0].validity.resolution_ms = Some(61.0);
        let line = "- The highest-degree node dies: to be read with care: times are known no better than 61 ms\n";
        assert!(markdown(&run).contains(line), "{}", markdown(&run));
    }

    #[test]
    fn it_never_grows_past_what_a_ci_job_takes() {
        let mut run = sample::run();
        let (pass, fail) = (run.record.scenarios[0].clone(), run.record.scenarios[1].clone());
        run.record.scenarios = (0..2000).map(|n| if n % 2 == 0 { pass.clone() } else { fail.clone() }).collect();
        let text = markdown(&run);
        assert!(text.len() <= LIMIT, "{} bytes", text.len());
        assert!(text.contains("more scenarios: see `report.html`"));
        assert!(text.contains("more that did not pass: see `report.html`"));
        assert!(text.contains("**Why**"));
    }

    #[test]
    fn a_hostile_name_stays_text() {
        let text = markdown(&sample::hostile());
        let outside_code: Vec<&str> = text.lines().filter(|line| !line.starts_with("**Reproduce**")).collect();
        assert!(!outside_code.join("\n").contains("<script"), "{text}");
        assert!(!text.contains("\u{1b}"));
        let row = text.lines().find(|line| line.contains("script")).unwrap();
        assert_eq!(row.replace("\\|", "").matches('|').count(), 7, "{row}");
    }

    #[test]
    fn a_command_with_backticks_gets_a_longer_fence() {
        assert_eq!(code("a `b` c"), "`` a `b` c ``");
        assert_eq!(code("plain"), "`plain`");
    }
}
