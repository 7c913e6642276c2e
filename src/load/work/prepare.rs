//! Before the load: whether the application is empty, and whether the calls of a workload mean what they should.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::sql::SqlError;
use super::{OBSERVES_WITHIN, Shared, TRY_EVERY};
use crate::document::DocumentError;
use crate::document::yaml::at;
use crate::history::Ended;
use crate::history::work::{Call, Shown};
use crate::load::LoadError;
use crate::workload::Model;

/// Why an application can't be worked with.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It has something in it before anything was put there.
    #[error(
        "{call}: the {model} is not empty at the start: {found}; begin with an empty application, or let the calls name a part of it that is"
    )]
    NotEmpty { call: String, model: &'static str, found: String },
    /// What was put there is not what is shown: one of both calls means something else.
    #[error(
        "{call}: the {model} does not show what was put there: {put}, and its read shows {shows}; look at what the calls say, and at the path of the value"
    )]
    NotShown { call: String, model: &'static str, put: String, shows: String },
    /// A statement that its database does not know, or a password that is not there.
    #[error(transparent)]
    Statement(#[from] DocumentError),
    /// No session with its database came about.
    #[error("the database of {file} can't be asked: {why}")]
    Database { file: String, why: String },
    /// It could not be asked.
    #[error("{call}: the {model} could not be {what} before the load: {why}")]
    Unprepared { call: String, model: &'static str, what: &'static str, why: String },
    /// The users could not be started.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl WorkError {
    /// Whether the application is what failed, or what its workload file says of it.
    pub fn is_of_the_application(&self) -> bool {
        !matches!(self, WorkError::Load(_))
    }
}

/// How late the first thing that is put there may be shown.
const SHOWS_WITHIN: Duration = Duration::from_secs(10);

impl Shared {
    /// Has the database prepare every statement, without executing one.
    pub(super) async fn prepare_statements(&self) -> Result<(), WorkError> {
        let Some(access) = &self.sender.access else { return Ok(()) };
        let workload = &self.config.workload;
        let mut session = self.session.lock().await;
        let begun = Instant::now();
        for (model, field, call) in workload.calls() {
            let Some(statement) = self.sender.templates.statement(call) else { continue };
            let reads = matches!(field, "read" | "dequeue");
            loop {
                match session.prepare(access, &statement, reads).await {
                    Ok(()) => break,
                    Err(SqlError::Statement { why, hint }) => {
                        return Err(workload.error(&at![model, field, "sql"], why, hint).into());
                    }
                    Err(why) if begun.elapsed() > OBSERVES_WITHIN => {
                        return Err(WorkError::Database { file: self.file(), why: why.to_string() });
                    }
                    Err(_) => sleep(TRY_EVERY).await,
                }
            }
        }
        Ok(())
    }

    /// Looks whether it is empty, gives each register a value, and asks for the first thing that is put there.
    pub(super) async fn prepare(&self, nth: usize, model: &Model) -> Result<(), WorkError> {
        for key in 0..model.keys() {
            let (what, call) = match model {
                Model::Set { .. } => ("read", Call::ReadAll(None)),
                Model::Register { .. } => ("written to", Call::Write(self.fresh())),
                Model::Counter { .. } => ("read", Call::Count(None)),
                Model::Queue { .. } => ("asked for a message", Call::Dequeue(None)),
            };
            let done = self.well(nth, model, (what, key, call)).await?;
            match (found_in(&done), &done) {
                (Some(found), _) => {
                    let call = self.place(model, &done);
                    return Err(WorkError::NotEmpty { call, model: model.name(), found });
                }
                (None, Call::Write(_)) if key == 0 => self.is_shown(nth, model, done, Call::Read(None)).await?,
                _ => {}
            }
        }
        let (what, put, ask) = match model {
            Model::Set { .. } => ("added to", Call::Add(self.fresh()), Call::ReadAll(None)),
            Model::Counter { .. } => ("raised", Call::Increment(1), Call::Count(None)),
            Model::Queue { .. } => ("sent a message", Call::Enqueue(self.fresh()), Call::Dequeue(None)),
            Model::Register { .. } => return Ok(()),
        };
        let put = self.well(nth, model, (what, 0, put)).await?;
        self.is_shown(nth, model, put, ask).await
    }

    fn file(&self) -> String {
        self.config.workload.file.display().to_string()
    }

    /// Where the file says how that is done: `orders.workload.yaml:4: `set.read``.
    fn place(&self, model: &Model, call: &Call) -> String {
        let field = call.field();
        let item = self.config.workload.error(&at![model.name(), field], "", "");
        let line = item.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: `{}.{field}`", self.file(), model.name())
    }

    /// One of the observer's operations, which must end well.
    async fn well(
        &self,
        nth: usize,
        model: &Model,
        (what, key, call): (&'static str, u32, Call),
    ) -> Result<Call, WorkError> {
        let done = self.observe(nth, key, call).await;
        if done.outcome == Ended::Ok {
            return Ok(done.call);
        }
        let (call, why) = (self.place(model, &done.call), done.detail.unwrap_or_default());
        Err(WorkError::Unprepared { call, model: model.name(), what, why })
    }

    /// Asks until what was put there is what is shown.
    async fn is_shown(&self, nth: usize, model: &Model, put: Call, ask: Call) -> Result<(), WorkError> {
        let begun = Instant::now();
        loop {
            let shows = self.well(nth, model, ("read", 0, ask.clone())).await?;
            if shows_it(&put, &shows) {
                return Ok(());
            }
            if begun.elapsed() > SHOWS_WITHIN {
                let (put, shows) = (put_in_words(&put), shows_in_words(&shows));
                let call = self.place(model, &ask);
                return Err(WorkError::NotShown { call, model: model.name(), put, shows });
            }
            sleep(TRY_EVERY).await;
        }
    }
}

/// Whether what was put there is what a read shows.
fn shows_it(put: &Call, shows: &Call) -> bool {
    match (put, shows) {
        (Call::Add(value), Call::ReadAll(Some(saw))) => saw.values.contains(*value) && saw.strange.is_empty(),
        (Call::Write(value), Call::Read(Some(shown))) | (Call::Enqueue(value), Call::Dequeue(Some(shown))) => {
            shown.value() == Some(*value)
        }
        // One whose answer was lost before may have been counted, too.
        (Call::Increment(by), Call::Count(Some(count))) => count >= by,
        _ => false,
    }
}

fn put_in_words(put: &Call) -> String {
    match put {
        Call::Add(value) => format!("value {value} was added"),
        Call::Write(value) => format!("value {value} was written"),
        Call::Enqueue(value) => format!("message {value} was sent"),
        _ => "it was raised by 1".into(),
    }
}

fn shows_in_words(shows: &Call) -> String {
    match shows {
        Call::ReadAll(Some(saw)) => match (saw.values.len(), saw.strange.first()) {
            (_, Some(strange)) => format!("`{strange}`"),
            (0, None) => "no value".into(),
            (values, None) => format!("{values} other values"),
        },
        Call::Read(Some(shown)) | Call::Dequeue(Some(shown)) => {
            shown.value().map_or("none".into(), |value| format!("value {value}"))
        }
        Call::Count(Some(count)) => count.to_string(),
        _ => "nothing".into(),
    }
}

/// What is in an application that should be empty, in words.
fn found_in(call: &Call) -> Option<String> {
    match call {
        Call::ReadAll(Some(saw)) => {
            let values = saw.values.len() as usize + saw.strange.len();
            let first =
                saw.strange.first().cloned().or_else(|| saw.values.iter().next().map(|value| value.to_string()));
            first.map(|first| format!("it shows {values} values or more, such as `{first}`"))
        }
        Call::Dequeue(Some(Shown::Value(message))) => Some(format!("it has a message, `{message}`")),
        Call::Count(Some(count)) if *count != 0 => Some(format!("it counts {count}")),
        _ => None,
    }
}
