//! What is said about a workload file that means something else than the application does: its line, the call, what was sent, what came, what was
//! expected, and what to do.

use super::answer::{AnswerError, one_line};
use super::obstacle::Obstacle;
use super::sql::SqlError;
use super::{Shared, Tried, spec};
use crate::document::DocumentError;
use crate::document::yaml::at;
use crate::workload::{CallSpec, Model};

/// How many characters of an answer are shown.
const BODY: usize = 120;

impl Shared {
    /// An operation met what waiting does not take away.
    pub(super) fn refused(&self, nth: usize, tried: &Tried, why: &Obstacle) -> DocumentError {
        let model = &self.config.workload.models[nth];
        match (why, spec(model, &tried.work.call)) {
            (Obstacle::Database(SqlError::Login { why, hint }), _) => self.of_database(why, hint),
            (_, Some(call)) => {
                self.of_call(model, tried, place_of(why, call), &met(why, tried, call), &help(why, call))
            }
            (_, None) => self.of_call(model, tried, None, &why.to_string(), ""),
        }
    }

    /// An operation met what should have passed by itself.
    pub(super) fn unready(&self, nth: usize, tried: &Tried, why: &Obstacle) -> DocumentError {
        let model = &self.config.workload.models[nth];
        match why {
            Obstacle::Database(_) => self.unasked(why),
            _ => {
                let hint = format!(
                    "look whether the application is up and at its log; users enter at {}",
                    self.config.request.address()
                );
                self.of_call(model, tried, None, &format!("{why}, for 30 s"), &hint)
            }
        }
    }

    /// The database can't be asked.
    pub(super) fn unasked(&self, why: &Obstacle) -> DocumentError {
        self.of_database(
            &format!("{why}, for 30 s"),
            "look whether the database is up, and at the host and the port of `database`; in the sandbox only the scenario's servers can be reached",
        )
    }

    /// A statement that the database does not know, or a session that it does not open.
    pub(super) fn unknown(&self, (model, field): (&str, &str), why: &Obstacle) -> DocumentError {
        match why {
            Obstacle::Database(SqlError::Statement { why, hint }) => {
                let detail = format!("`{model}.{field}`: {why}");
                self.config.workload.error(&at![model, field, "sql"], detail, hint)
            }
            Obstacle::Database(SqlError::Login { why, hint }) => self.of_database(why, hint),
            other => self.unasked(other),
        }
    }

    /// Something is there before anything was put there.
    pub(super) fn not_empty(&self, model: &Model, tried: &Tried, found: &str) -> DocumentError {
        let hint = "begin with an empty application, or let the calls name a part of it that is";
        let detail = format!("the {} is not empty at the start: {found}", model.name());
        self.at_call(model, tried, None, detail, hint)
    }

    /// What was put there is not what is shown: one of both calls means something else.
    pub(super) fn not_shown(
        &self,
        model: &Model,
        tried: &Tried,
        (put, saw): (&str, &str),
        is_elsewhere: bool,
    ) -> DocumentError {
        let call = spec(model, &tried.work.call);
        let path = call.and_then(path_of);
        let hint = match path {
            Some((field, path)) if is_elsewhere => {
                format!(
                    "the value is in the answer, and not at `{path}`: correct `{field}`, a JSONPath such as `$[*].item`"
                )
            }
            Some((field, _)) => format!("look at what both calls say, and at the JSONPath in `{field}`"),
            None => "look at what both calls say: the value must be a line of the answer, or the first column".into(),
        };
        let answer = tried.answer.as_ref().map(|(code, body)| {
            let body = one_line(&String::from_utf8_lossy(body), BODY);
            let body = if body.is_empty() { "an empty body".into() } else { format!("`{body}`") };
            format!("; the answer: {} {code}, {body}", kind(call))
        });
        let answer = answer.unwrap_or_default();
        let said = self.said(model, tried);
        let name = model.name();
        let detail = format!("the {name} does not show what was put there: {put}, and {said} shows {saw}{answer}");
        self.at_call(model, tried, path.map(|(field, _)| field), detail, &hint)
    }

    fn said(&self, model: &Model, tried: &Tried) -> String {
        spec(model, &tried.work.call).map(|call| self.sender.said(call, &tried.work)).unwrap_or_default()
    }

    /// An error about a call, which begins with what was sent.
    fn of_call(&self, model: &Model, tried: &Tried, field: Option<&str>, met: &str, hint: &str) -> DocumentError {
        let detail = format!("{}: {met}", self.said(model, tried));
        self.at_call(model, tried, field, detail, hint)
    }

    /// An error at a call, or at one of its fields.
    fn at_call(&self, model: &Model, tried: &Tried, field: Option<&str>, detail: String, hint: &str) -> DocumentError {
        let (model, call) = (model.name(), tried.work.call.field());
        let detail = format!("`{model}.{call}`: {detail}");
        match field {
            Some(field) => self.config.workload.error(&at![model, call, field], detail, hint),
            None => self.config.workload.error(&at![model, call], detail, hint),
        }
    }

    fn of_database(&self, why: &str, hint: &str) -> DocumentError {
        let workload = &self.config.workload;
        let database = workload.database.as_ref().map(ToString::to_string).unwrap_or_default();
        workload.database_error(format!("{database}: {why}"), hint)
    }
}

/// What came, and what was expected in its place.
fn met(why: &Obstacle, tried: &Tried, call: &CallSpec) -> String {
    match (why, &tried.answer) {
        (Obstacle::Answer(AnswerError::Code { code, body, .. }), _) => {
            let body = if body.is_empty() { String::new() } else { format!("; the answer begins with `{body}`") };
            format!("{} {code}, where {} was expected{body}", kind(Some(call)), expected(call))
        }
        (Obstacle::Answer(AnswerError::Several { .. }), Some((code, body))) => {
            let body = one_line(&String::from_utf8_lossy(body), BODY);
            format!("{} {code}, but {why}; it begins with `{body}`", kind(Some(call)))
        }
        (_, Some((code, _))) => format!("{} {code}, but {why}", kind(Some(call))),
        (_, None) => why.to_string(),
    }
}

fn kind(call: Option<&CallSpec>) -> &'static str {
    if call.is_some_and(CallSpec::is_command) { "exit code" } else { "status" }
}

/// What acknowledges a call, or says that there is no value.
fn expected(call: &CallSpec) -> String {
    let listed = |codes: &[u16]| codes.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
    let ok = match call.ok.as_slice() {
        [] if call.is_command() => "0".into(),
        [] => "200 to 299".into(),
        ok => listed(ok),
    };
    if call.none.is_empty() { ok } else { format!("{ok}, or {} for no value,", listed(&call.none)) }
}

/// The JSONPath of a call, and the field that holds it.
fn path_of(call: &CallSpec) -> Option<(&'static str, &str)> {
    let values = call.values.as_deref().map(|path| ("values", path));
    values.or(call.value.as_deref().map(|path| ("value", path)))
}

/// The field of the call that is wrong, or nearest to it.
fn place_of(why: &Obstacle, call: &CallSpec) -> Option<&'static str> {
    let sent = match () {
        () if call.sql.is_some() => "sql",
        () if call.is_command() => "command",
        () => "path",
    };
    let is_read = matches!(why, Obstacle::Answer(why) if !matches!(why, AnswerError::Code { .. } | AnswerError::NoRow));
    match path_of(call) {
        Some((field, _)) if is_read => Some(field),
        _ => Some(sent),
    }
}

/// What to do.
fn help(why: &Obstacle, call: &CallSpec) -> String {
    match why {
        Obstacle::Answer(AnswerError::Code { code, is_command: false, .. }) => of_status(*code, path_of(call).is_some()).into(),
        Obstacle::Answer(AnswerError::Code { .. }) => {
            "a program that it starts is not there, or may not be executed: install it, or write its whole path".into()
        }
        Obstacle::Answer(AnswerError::NoRow) => {
            "the row must be there before users come; or write an upsert, which adds it where it is missing".into()
        }
        Obstacle::Answer(AnswerError::NotJson { .. }) => match path_of(call) {
            Some((field, _)) => format!("`{field}` is looked for in JSON: look at `path` and `headers`, or leave `{field}` out where each line of the answer is a value"),
            None => String::new(),
        },
        Obstacle::Answer(AnswerError::NothingThere { .. }) => {
            "correct `value`, a JSONPath such as `$.count`; an answer that says that there is no value has its status in `none`".into()
        }
        Obstacle::Answer(AnswerError::Foreign(_)) => {
            "begin with an empty application; or look at the path of the value: it must be all of what was sent".into()
        }
        Obstacle::Answer(AnswerError::Several { .. } | AnswerError::NoNumber(_)) => {
            "look at what is read: its `value` or its first column must be one".into()
        }
        Obstacle::Database(SqlError::Statement { hint, .. } | SqlError::Login { hint, .. }) => hint.clone(),
        Obstacle::NoProgram { .. } => {
            "install it, or write its whole path: it is started on this machine, beside `chimp`".into()
        }
        Obstacle::NoCall(_) => "look at the templates of the call, and at the path that they make".into(),
        Obstacle::Database(_) | Obstacle::NoAnswer(_) => String::new(),
    }
}

/// What to do about a status.
fn of_status(code: u16, reads: bool) -> &'static str {
    match code {
        401 | 403 => "let the call say who it is, in its `headers` or in those of `[request]`; or look at `path`",
        404 | 410 if reads => "look at `path`, or name the status in `none` where it says that there is no value",
        404 | 405 | 410 => "look at `path` and `method`",
        300..=399 => "a redirect is not followed: write the path that it leads to",
        200..=299 => "name the status in `ok` if it acknowledges the call, or look at `path` and `method`",
        400 | 411..=417 | 422 => "look at what is sent: `json`, `body`, `headers`, and `path`",
        _ => "look at `path`, `method` and what is sent; or name the status in `ok`, `fail` or `none`",
    }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
