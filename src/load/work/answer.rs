//! What an answer means: pure.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::history::Ended;
use crate::history::work::{Saw, Shown};
use crate::workload::{CallSpec, Means, Values};

/// What came back, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The status and the body; the exit code and what the command printed.
    Coded { code: u16, body: &'a [u8] },
    /// What a statement came to.
    Rows(&'a Rows),
}

/// What a statement came to that ended without an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The first column of its rows, without NULLs.
    pub texts: Vec<String>,
    /// How many rows it changed, where it is one that changes rows.
    pub changed: Option<u64>,
}

/// What a read showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It showed this.
    Saw(Saw),
    /// There is none.
    Nothing,
    /// It could not be made; why.
    Failed(AnswerError),
}

/// Why a whole answer is not what its call should get. Each reads alone, and after "the last read: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The file does not name its status, or exit code, as one of success.
    #[error("{} {code}{}", if *.is_command { "exit code" } else { "status" }, said(.body))]
    Code { code: u16, is_command: bool, body: String },
    /// A statement that should have changed a row.
    #[error("no row was changed")]
    NoRow,
    /// A JSONPath can't be followed.
    #[error("the answer is not JSON ({why}); {}", begins(.body))]
    NotJson { why: String, body: String },
    /// A JSONPath leads to nothing.
    #[error("nothing is at `{path}` in the answer; {}", begins(.body))]
    NothingThere { path: String, body: String },
    /// A text that no operation sent.
    #[error("the answer shows `{0}`, which is no value that was sent")]
    Foreign(String),
    /// More than the one value of a register or a queue; more or fewer than the one number of a counter.
    #[error("the answer shows {there} {what}s, where one was expected")]
    Several { there: usize, what: &'static str },
    /// A counter's is no number.
    #[error("the answer shows `{0}`, which is not a whole number")]
    NoNumber(String),
}

fn said(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(": {body}") }
}

fn begins(body: &str) -> String {
    if body.is_empty() { "it is empty".into() } else { format!("it begins with `{body}`") }
}

/// How many characters of an answer a message shows.
const SHOWN: usize = 60;
/// How many of what can't be values are kept of one read.
const STRANGE_MAX: usize = 5;

impl Answer<'_> {
    /// How a change ended, and what was met where it is not acknowledged.
    pub fn of_change(self, call: &CallSpec) -> (Ended, Option<AnswerError>) {
        match self.means(call) {
            Means::Ok => (Ended::Ok, None),
            Means::Fail | Means::Nothing => (Ended::Fail, Some(self.met(call))),
            Means::Unknown => (Ended::Info, Some(self.met(call))),
        }
    }

    /// What a read of values showed.
    pub fn of_read(self, call: &CallSpec, values: Values) -> Read {
        match self.means(call) {
            Means::Nothing if matches!(self, Answer::Coded { .. }) => Read::Nothing,
            Means::Fail | Means::Unknown => Read::Failed(self.met(call)),
            Means::Ok | Means::Nothing => match self.texts(call) {
                Ok(texts) if texts.is_empty() && call.values.is_none() && !call.is_command() => Read::Nothing,
                Ok(texts) => Read::Saw(saw(&texts, values)),
                Err(why) => Read::Failed(why),
            },
        }
    }

    /// How a read ended that shows nothing. If it takes out what it shows, it is not known whether it did, unless the answer says that it did not.
    pub fn unread(self, call: &CallSpec, takes_out: bool) -> Ended {
        if takes_out && self.means(call) != Means::Fail { Ended::Info } else { Ended::Fail }
    }

    /// What a counter shows.
    pub fn of_count(self, call: &CallSpec) -> Result<i64, AnswerError> {
        match self.means(call) {
            Means::Nothing => return Ok(0),
            Means::Fail | Means::Unknown => return Err(self.met(call)),
            Means::Ok => {}
        }
        let texts = self.texts(call)?;
        let text = match texts.as_slice() {
            [text] => text,
            [] if matches!(self, Answer::Rows(_)) => return Ok(0),
            other => return Err(AnswerError::Several { there: other.len(), what: "number" }),
        };
        text.trim().parse().map_err(|_| AnswerError::NoNumber(beginning(text)))
    }

    fn means(self, call: &CallSpec) -> Means {
        match self {
            Answer::Coded { code, .. } => call.means(code),
            // As a compare-and-set whose value was another; what it returned, if anything, is read all the same.
            Answer::Rows(Rows { changed: Some(0), .. }) => Means::Nothing,
            Answer::Rows(_) => Means::Ok,
        }
    }

    /// What the answer is, where it is not one of success.
    pub fn met(self, call: &CallSpec) -> AnswerError {
        match self {
            Answer::Coded { code, body } => {
                let body = beginning(&String::from_utf8_lossy(body));
                AnswerError::Code { code, is_command: call.is_command(), body }
            }
            Answer::Rows(_) => AnswerError::NoRow,
        }
    }

    /// The values in it, as texts.
    fn texts(self, call: &CallSpec) -> Result<Vec<String>, AnswerError> {
        let body = match self {
            Answer::Coded { body, .. } => String::from_utf8_lossy(body),
            Answer::Rows(rows) => return Ok(rows.texts.clone()),
        };
        let Some(path) = call.values.as_ref().or(call.value.as_ref()) else {
            return Ok(body.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect());
        };
        let json: Value = serde_json::from_str(&body)
            .map_err(|why| AnswerError::NotJson { why: why.to_string(), body: beginning(&body) })?;
        let compiled = JsonPath::parse(path).expect("checked when the file was read");
        let found = compiled.query(&json).all();
        if found.is_empty() && call.value.is_some() {
            return Err(AnswerError::NothingThere { path: path.clone(), body: beginning(&body) });
        }
        let texts = found.into_iter().filter(|value| !value.is_null());
        Ok(texts.map(|value| value.as_str().map_or_else(|| value.to_string(), String::from)).collect())
    }
}

fn saw(texts: &[String], values: Values) -> Saw {
    let mut saw = Saw::default();
    for text in texts {
        match values.value(text) {
            Some(value) if !saw.values.insert(value) => saw.twice.push(value),
            Some(_) => {}
            None if saw.strange.len() < STRANGE_MAX => saw.strange.push(beginning(text)),
            None => {}
        }
    }
    saw.twice.sort_unstable();
    saw.twice.dedup();
    saw
}

impl Saw {
    /// The one value of a register or a queue.
    ///
    /// # Errors
    /// Why it is none of ours.
    pub fn one(&self) -> Result<Shown, AnswerError> {
        match (self.values.iter().next(), self.values.len() as usize, self.strange.first()) {
            (_, _, Some(strange)) => Err(AnswerError::Foreign(strange.clone())),
            (None, _, None) => Ok(Shown::Nothing),
            (Some(value), 1, None) => Ok(Shown::Value(value)),
            (Some(_), there, None) => Err(AnswerError::Several { there, what: "value" }),
        }
    }
}

/// The beginning of an answer.
fn beginning(text: &str) -> String {
    one_line(text, SHOWN)
}

/// So many characters of a text, on one line, without the quotes that messages put around it.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'");
    if line.chars().count() <= most { line } else { line.chars().take(most).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Values = Values { size: 0 };

    fn answer(code: u16, body: &str) -> Answer<'_> {
        Answer::Coded { code, body: body.as_bytes() }
    }

    fn reading(field: &str, path: &str) -> CallSpec {
        let path = Some(path.to_string());
        let (value, values) = if field == "value" { (path, None) } else { (None, path) };
        CallSpec { path: Some("/".into()), value, values, none: vec![404], ..CallSpec::default() }
    }

    #[test]
    fn only_what_is_certain_is_ok_or_fail() {
        let call = CallSpec { path: Some("/".into()), ok: vec![201], fail: vec![409], ..CallSpec::default() };
        let ended = |code| answer(code, "no").of_change(&call).0;
        assert_eq!([201, 409, 200, 503].map(ended), [Ended::Ok, Ended::Fail, Ended::Info, Ended::Info]);
        assert_eq!(answer(503, "  try\nagain ").of_change(&call).1.unwrap().to_string(), "status 503: try again");
        let usual = CallSpec { path: Some("/".into()), ..CallSpec::default() };
        assert_eq!(
            [200, 204, 299, 302, 500].map(|code| answer(code, "").of_change(&usual).0 == Ended::Ok),
            [true, true, true, false, false]
        );
    }

    #[test]
    fn a_message_that_was_not_received_may_be_gone_unless_the_answer_says_that_it_is_not() {
        let call = CallSpec { path: Some("/".into()), fail: vec![503], ..reading("value", "$.job") };
        let ended = |code, takes_out| answer(code, "no").unread(&call, takes_out);
        assert_eq!([503, 500, 200].map(|code| ended(code, true)), [Ended::Fail, Ended::Info, Ended::Info]);
        assert_eq!([503, 500].map(|code| ended(code, false)), [Ended::Fail, Ended::Fail]);
    }

    #[test]
    fn values_are_read_by_their_path() {
        let all = reading("values", "$[*].item");
        let read = answer(200, r#"[{"item":"1"},{"item":2},{"item":"2"},{"item":"apples"},{"item":null}]"#)
            .of_read(&all, PLAIN);
        let saw = Saw { values: [1, 2].into_iter().collect(), twice: vec![2], strange: vec!["apples".into()] };
        assert_eq!(read, Read::Saw(saw));
        assert_eq!(answer(200, "[]").of_read(&all, PLAIN), Read::Saw(Saw::default()));
        assert_eq!(answer(404, "").of_read(&all, PLAIN), Read::Nothing);
        let failed = |code, body| match answer(code, body).of_read(&all, PLAIN) {
            Read::Failed(why) => why.to_string(),
            other => panic!("{other:?}"),
        };
        let why = failed(200, "<p>`Welcome`</p>");
        assert!(
            why.starts_with("the answer is not JSON (") && why.ends_with("it begins with `<p>'Welcome'</p>`"),
            "{why}"
        );
        assert!(failed(200, "").ends_with("; it is empty"));
        assert_eq!(failed(502, ""), "status 502");
    }

    #[test]
    fn one_value_is_one_of_ours_or_none() {
        let one = reading("value", "$.count");
        let shown = |body: &str| match answer(200, body).of_read(&one, PLAIN) {
            Read::Saw(saw) => saw.one(),
            Read::Nothing => Ok(Shown::Nothing),
            Read::Failed(why) => Err(why),
        };
        assert_eq!(shown(r#"{"count":"7"}"#), Ok(Shown::Value(7)));
        assert_eq!(shown(r#"{"count":null}"#), Ok(Shown::Nothing));
        let why = |body: &str| shown(body).unwrap_err().to_string();
        assert_eq!(why(r#"{"count":"seven"}"#), "the answer shows `seven`, which is no value that was sent");
        assert_eq!(why(r#"{"sum":7}"#), "nothing is at `$.count` in the answer; it begins with `{\"sum\":7}`");
        assert_eq!(answer(200, r#"{"count":12}"#).of_count(&one), Ok(12));
        let why = answer(200, r#"{"count":"many"}"#).of_count(&one).unwrap_err();
        assert_eq!(why.to_string(), "the answer shows `many`, which is not a whole number");
    }

    #[test]
    fn a_command_shows_a_value_on_each_line() {
        let call = CallSpec { command: vec!["list".into()], none: vec![3], ..CallSpec::default() };
        let Read::Saw(saw) = answer(0, "1\n\n 2 \n").of_read(&call, PLAIN) else { panic!("it has two") };
        assert_eq!(saw.values.iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(answer(3, "").of_read(&call, PLAIN), Read::Nothing);
        let (ended, why) = answer(1, "no such table").of_change(&call);
        assert_eq!((ended, why.unwrap().to_string()), (Ended::Info, "exit code 1: no such table".into()));
    }

    #[test]
    fn a_statement_says_what_it_changed_and_shows_its_first_column() {
        let call = CallSpec { sql: Some("…".into()), ..CallSpec::default() };
        let rows = |texts: &[&str], changed| Rows { texts: texts.iter().map(ToString::to_string).collect(), changed };
        let ended = |changed| Answer::Rows(&rows(&[], changed)).of_change(&call);
        assert_eq!([ended(Some(1)), ended(None)].map(|(ended, _)| ended), [Ended::Ok, Ended::Ok]);
        assert_eq!(ended(Some(0)), (Ended::Fail, Some(AnswerError::NoRow)));
        let Read::Saw(saw) = Answer::Rows(&rows(&["1", "2", "2"], None)).of_read(&call, PLAIN) else { panic!() };
        assert_eq!((saw.values.len(), saw.twice), (2, vec![2]));
        // DELETE … RETURNING without a message.
        assert_eq!(Answer::Rows(&rows(&[], Some(0))).of_read(&call, PLAIN), Read::Nothing);
        assert_eq!(Answer::Rows(&rows(&[], None)).of_count(&call), Ok(0), "there is no row yet");
        assert_eq!(Answer::Rows(&rows(&["12"], None)).of_count(&call), Ok(12));
        assert!(Answer::Rows(&rows(&["1", "2"], None)).of_count(&call).is_err());
    }
}
