//! The words and figures that every report shares, so that terminal, Markdown, JUnit and HTML say the same.
//!
//! Owns: how a verdict, a phase, an exit code and a number are written. Not: how they are laid out.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::units::{show_duration, trimmed};
use crate::verdict::Verdict;

use super::figures::{not_judged, outage, recovery};
use super::record::{HypothesisRecord, RelapseRecord, RunRecord, ScenarioRecord, StrikeOutcome};

/// What stands where nothing was measured.
pub const NOTHING: &str = "—";

/// The verdict's word, as in `run.json`.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Invalid => "invalid",
        Verdict::Infra => "infra",
        Verdict::Aborted => "aborted",
        Verdict::Skipped => "skipped",
    }
}

/// A sign beside the word, so that no verdict is told by colour alone.
pub fn verdict_sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Invalid => "?",
        Verdict::Infra => "!",
        Verdict::Aborted => "■",
        Verdict::Skipped => "–",
    }
}

/// What the exit code of a run means for it.
pub fn exit_meaning(record: &RunRecord) -> &'static str {
    match record.exit_code {
        0 => "every scenario passed",
        1 => "a hypothesis was refuted",
        2 => "the features or the command line are wrong",
        3 => no_verdict(record),
        4 => "a stop condition ended the run",
        5 => "cleaning up failed",
        7 => "nothing ran",
        130 if record.was_cut_off() => "the run was killed, or is still under way",
        130 => "interrupted",
        _ => "unknown",
    }
}

/// Which kinds of scenarios leave a run without a verdict.
fn no_verdict(record: &RunRecord) -> &'static str {
    let any = |verdict| record.scenarios.iter().any(|scenario| scenario.verdict == verdict);
    match (any(Verdict::Invalid), any(Verdict::Infra)) {
        (true, false) => "no verdict on the run: invalid, since what was recorded is not enough to judge by",
        (false, true) => "no verdict on the run: infra, since the site did not come up or a tool failed",
        (true, true) => "no verdict on the run: some scenarios were invalid, of others the site did not come up",
        (false, false) => "no verdict on the run: what is skipped counts under CI=true",
    }
}

/// `5 scenarios: 1 passed, 2 failed, 1 invalid, 1 skipped`, leaving out what is zero.
pub fn totals(record: &RunRecord) -> String {
    const KINDS: [(Verdict, &str); 6] = [
        (Verdict::Pass, "passed"),
        (Verdict::Fail, "failed"),
        (Verdict::Invalid, "invalid"),
        (Verdict::Infra, "infra"),
        (Verdict::Aborted, "aborted"),
        (Verdict::Skipped, "skipped"),
    ];
    let all = record.scenarios.len();
    let counts: Vec<String> = KINDS
        .iter()
        .map(|(verdict, word)| (record.scenarios.iter().filter(|s| s.verdict == *verdict).count(), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let noun = if all == 1 { "scenario" } else { "scenarios" };
    if counts.is_empty() { "no scenario ran".into() } else { format!("{all} {noun}: {}", counts.join(", ")) }
}

/// What has to be known of a scenario beside its figures: that they were not judged, those in model time, what it fell back to after recovery, and
/// what came of earlier attempts, unless it came of the last one too, and that data was lost from sight.
pub fn notes(scenario: &ScenarioRecord) -> Vec<String> {
    let model = scenario.model.iter().map(|model| {
        let (outage, recovery) = (outage(model.downtime_longest_s, scenario), recovery(scenario, &model.milestones));
        let faster = trimmed(scenario.time_scale, 2);
        format!(
            "in model time (declared delays ran {faster} times faster): longest outage {outage}, recovery {recovery}"
        )
    });
    let earlier = scenario.discarded.iter().zip(1..).filter(|(headline, _)| **headline != scenario.headline);
    let relapses = scenario.relapses.iter().map(|one| relapse(one, scenario.milestones.t0_at_s));
    not_judged(scenario)
        .into_iter()
        .chain(model)
        .chain(relapses)
        .chain(unchecked_data(&scenario.unchecked_data))
        .chain(earlier.map(|(headline, nth)| format!("attempt {nth}: {headline}")))
        .collect()
}

/// `a server that keeps data (db-1) was replaced, and no step checks what it kept`.
fn unchecked_data(servers: &[String]) -> Option<String> {
    let names = servers.join(", ");
    match servers.len() {
        0 => None,
        1 => Some(format!("a server that keeps data ({names}) was replaced, and no step checks what it kept")),
        _ => Some(format!("servers that keep data ({names}) were replaced, and no step checks what they kept")),
    }
}

/// `after recovery, from 36.6 s after the onset on: db-2 is missing, for 130 ms`.
fn relapse(relapse: &RelapseRecord, t0_at_s: Option<f64>) -> String {
    let RelapseRecord { start_at_s, end_at_s, open, what } = relapse;
    let length = seconds(end_at_s - start_at_s);
    let until = if *open { format!("until the watch ended, {length}") } else { format!("for {length}") };
    let start = seconds(start_at_s - t0_at_s.unwrap_or_default());
    format!("after recovery, from {start} after the onset on: {what}, {until}")
}

/// How many times faster declared delays passed, where they did: `20`.
pub fn faster(time_scale: f64) -> Option<String> {
    (time_scale != 1.0).then(|| trimmed(time_scale, 2))
}

/// Why a scenario did not pass, in one line: the refuted hypotheses, else the reason.
pub fn why(scenario: &ScenarioRecord) -> String {
    let refuted: Vec<String> = not_passed(scenario)
        .filter(|hypothesis| hypothesis.verdict == Verdict::Fail)
        .map(|h| format!("“{}” expected {}, observed {}", h.step, h.expected, h.observed))
        .collect();
    match (&scenario.reason, refuted.is_empty()) {
        (_, false) if scenario.verdict == Verdict::Fail => refuted.join("; "),
        (Some(reason), _) => one_line(reason),
        (None, _) => one_line(&scenario.headline),
    }
}

/// The hypotheses that did not pass.
pub fn not_passed(scenario: &ScenarioRecord) -> impl Iterator<Item = &HypothesisRecord> {
    scenario.hypotheses.iter().filter(|hypothesis| hypothesis.verdict != Verdict::Pass)
}

/// The uptime of a long run and how soon each strike was over: `99.97 %, 95 % sure of 99.95 to 99.99 % (60 blocks of
/// 10 s); after 18 strikes normal within 3.1 s (median), 7.4 s (longest); no leaks`. `None` of a short run.
pub fn uptime(scenario: &ScenarioRecord) -> Option<String> {
    let uptime = scenario.uptime?;
    let (pct, low) = (percent(Some(uptime.availability_pct)), percent(Some(uptime.low_pct)));
    let high = percent(Some(uptime.high_pct));
    let figure = format!("{pct}, 95 % sure of {low} to {high} ({} blocks of 10 s)", uptime.blocks);
    Some(format!("{figure}; {}; {}", back_to_normal(&scenario.strikes), leaks(&scenario.leaks)))
}

/// `no leaks`, or what was left behind.
fn leaks(leaks: &[String]) -> String {
    match leaks {
        [] => "no leaks".into(),
        [one] => format!("1 leak: {}", one_line(one)),
        [one, ..] => format!("{} leaks, the first: {}", leaks.len(), one_line(one)),
    }
}

/// How soon everything was as before after each strike.
fn back_to_normal(strikes: &[StrikeOutcome]) -> String {
    let mut seen = BTreeSet::new();
    let mut each = strikes.iter().filter(|one| one.onset_at_s.is_some() && seen.insert(one.strike)).peekable();
    if each.peek().is_none() {
        return "no strike was confirmed".into();
    }
    let all: Vec<Option<f64>> = each.map(|strike| strike.normal_after_onset_s).collect();
    let mut known: Vec<f64> = all.iter().copied().flatten().collect();
    known.sort_by(f64::total_cmp);
    let never = all.len() - known.len();
    let mut text = format!("after {} strike{}", all.len(), if all.len() == 1 { "" } else { "s" });
    if let (Some(median), Some(longest)) = (known.get(known.len() / 2), known.last()) {
        text += &format!(" normal within {} (median), {} (longest)", seconds(*median), seconds(*longest));
    }
    if never > 0 {
        text += &format!(", never after {never}");
    }
    text
}

/// `99.73 %`. Never rounded up to 100: a single bad request among a million still shows.
pub fn percent(value: Option<f64>) -> String {
    match value {
        None => NOTHING.into(),
        Some(pct) if pct < 100.0 && pct > 99.9985 => "> 99.998 %".into(),
        Some(pct) if pct < 100.0 && pct > 99.0 => format!("{} %", trimmed((pct * 1000.0).floor() / 1000.0, 3)),
        Some(pct) => format!("{} %", trimmed(pct, 2)),
    }
}

/// A latency given in milliseconds. At the deadline it is a lower bound: `≥ 5 s`.
pub fn latency(value_ms: Option<f64>, deadline_ms: f64) -> String {
    match value_ms {
        None => NOTHING.into(),
        Some(ms) if deadline_ms > 0.0 && ms >= deadline_ms => format!("≥ {}", seconds(deadline_ms / 1e3)),
        Some(ms) => seconds(ms / 1e3),
    }
}

/// Seconds as people write them: `84 ms`, `3.31 s`, `2 min 3 s`; a minus sign where it is before zero.
pub fn seconds(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.into();
    }
    let text = show_duration(Duration::from_secs_f64(value.abs()));
    if value < 0.0 { format!("−{text}") } else { text }
}

/// [`seconds`], or a dash.
pub fn maybe_seconds(value: Option<f64>) -> String {
    value.map_or(NOTHING.into(), seconds)
}

/// Seconds since t0, always with a sign: `+84 ms`, `−3 ms`.
pub fn since_t0(value: f64) -> String {
    if value < 0.0 { seconds(value) } else { format!("+{}", seconds(value)) }
}

/// How many samples were judged; a dash where one event was.
pub fn samples(n: Option<u64>) -> String {
    n.map_or(NOTHING.into(), grouped)
}

/// `30,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A word of a command, quoted for a shell where it has to be.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+".contains(c);
    if word.chars().all(plain) && !word.is_empty() { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The text on one line and without control characters, so that a name can't reach into a terminal or a table.
pub fn one_line(text: &str) -> String {
    let plain: String =
        text.replace("\n  help: ", "; help: ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::record::{Milestones, ModelFigures};
    use crate::report::sample;

    #[test]
    fn one_bad_request_in_a_million_is_not_a_hundred_percent() {
        assert_eq!(percent(Some(99.9999)), "> 99.998 %");
        assert_eq!(percent(Some(99.9979)), "99.997 %");
        assert_eq!(percent(Some(100.0)), "100 %");
        assert_eq!(percent(Some(12.345)), "12.35 %");
        assert_eq!(percent(None), "—");
    }

    #[test]
    fn a_latency_at_the_deadline_is_a_lower_bound() {
        assert_eq!(latency(Some(5000.0), 5000.0), "≥ 5 s");
        assert_eq!(latency(Some(84.0), 5000.0), "84 ms");
    }

    #[test]
    fn notes_tell_model_time_and_earlier_attempts() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        assert_eq!(notes(&scenario), [""; 0]);
        let milestones = Milestones { normal_after_t0_s: Some(431.0), ..scenario.milestones.clone() };
        scenario.model = Some(ModelFigures { milestones, downtime_longest_s: Some(0.0), downtime_total_s: Some(0.0) });
        scenario.time_scale = 20.0;
        scenario.discarded = vec!["Could not be judged: 97 % good.".into()];
        assert_eq!(
            notes(&scenario),
            [
                "in model time (declared delays ran 20 times faster): longest outage none, recovery 7 min 11 s",
                "attempt 1: Could not be judged: 97 % good.",
            ]
        );
    }

    #[test]
    fn a_relapse_is_told() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        let what = "db-2 is missing".to_string();
        scenario.relapses = vec![RelapseRecord { start_at_s: 42.6, end_at_s: 42.73, open: false, what }];
        assert_eq!(notes(&scenario), ["after recovery, from 36.6 s after the onset on: db-2 is missing, for 130 ms"]);
    }

    #[test]
    fn data_that_no_step_asks_for_is_told() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        scenario.unchecked_data = vec!["db-1".into()];
        let one = "a server that keeps data (db-1) was replaced, and no step checks what it kept";
        assert_eq!(notes(&scenario), [one]);
        scenario.unchecked_data.push("db-2".into());
        assert!(notes(&scenario)[0].starts_with("servers that keep data (db-1, db-2) were replaced, and no step "));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(30_000), "30,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn moments_before_t0_have_a_minus_sign() {
        assert_eq!(since_t0(-0.003), "−3 ms");
        assert_eq!(since_t0(0.084), "+84 ms");
    }

    #[test]
    fn a_name_cannot_smuggle_control_characters() {
        assert_eq!(one_line("a\u{1b}[31mb\nc"), "a [31mb c");
        assert_eq!(one_line("status 404\n  help: look at `path`"), "status 404; help: look at `path`");
    }
}
