//! Before the load: whether the application is empty, and whether the calls of a workload mean what they should.
//!
//! A workload file may be wrong, and an application may still be starting. What waiting can't take away ends the scenario within seconds, for good
//! ([`obstacle`](super::obstacle)); the rest is tried for 30 s.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::answer::AnswerError;
use super::draw::Next as Operation;
use super::obstacle::{Next, Obstacle, Patience};
use super::sql::Access;
use super::{OBSERVER, Shared, TRY_EVERY, Tried, spec};
use crate::document::DocumentError;
use crate::history::work::{Call, Shown};
use crate::load::LoadError;
use crate::workload::{Means, Model, Prepared};

/// Why an application can't be worked with.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It is something else than its workload file says: another attempt would meet the same.
    #[error(transparent)]
    Refused(Box<DocumentError>),
    /// It did not do in time what its workload file says.
    #[error(transparent)]
    Unready(Box<DocumentError>),
    /// The users could not be started.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl WorkError {
    /// Whether the application is what failed, or what its workload file says of it.
    pub fn is_of_the_application(&self) -> bool {
        !matches!(self, WorkError::Load(_))
    }

    /// Whether another attempt would meet the same.
    pub fn is_final(&self) -> bool {
        matches!(self, WorkError::Refused(_))
    }
}

/// How late the first thing that is put there may be shown.
const SHOWS_WITHIN: Duration = Duration::from_secs(10);
/// How often a value must be seen elsewhere than where the file says.
const SEEN_ELSEWHERE: u32 = 3;

impl Shared {
    /// Has the database prepare every statement, without executing one.
    pub(super) async fn prepare_statements(&self) -> Result<(), WorkError> {
        let Some(access) = &self.sender.access else { return Ok(()) };
        for (model, field, call) in self.config.workload.calls() {
            if let Some(statement) = self.sender.templates.statement(call) {
                self.is_known(access, (model, field), &statement).await?;
            }
        }
        Ok(())
    }

    async fn is_known(
        &self,
        access: &Access,
        (model, field): (&'static str, &'static str),
        statement: &Prepared,
    ) -> Result<(), WorkError> {
        let reads = matches!(field, "read" | "dequeue");
        let mut patience = Patience::new();
        loop {
            let prepared = self.session.lock().await.prepare(access, statement, reads).await;
            let Err(why) = prepared.map_err(Obstacle::from) else { return Ok(()) };
            match patience.next(why.lasting()) {
                Next::TryAfter(pause) => sleep(pause).await,
                Next::Refuse => return Err(WorkError::Refused(self.unknown((model, field), &why).into())),
                Next::GiveUp => return Err(WorkError::Unready(self.unasked(&why).into())),
            }
        }
    }

    /// Looks whether it is empty, gives each register a value, and asks for the first thing that is put there.
    pub(super) async fn prepare(&self, nth: usize, model: &Model) -> Result<(), WorkError> {
        let mut before = None;
        for key in 0..model.keys() {
            let call = match model {
                Model::Set { .. } => Call::ReadAll(None),
                Model::Register { .. } => Call::Write(self.fresh()),
                Model::Counter { .. } => Call::Count(None),
                Model::Queue { .. } => Call::Dequeue(None),
            };
            let done = self.well(nth, key, call, |_| false).await?;
            if let Some(found) = found_in(&done.work.call) {
                return Err(WorkError::Refused(self.not_empty(model, &done, &found).into()));
            }
            match done.work.call {
                Call::Write(_) if key == 0 => self.try_register(nth, model, done.work.call).await?,
                _ => before = done.answer,
            }
        }
        let (put, ask) = match model {
            Model::Set { .. } => (Call::Add(self.fresh()), Call::ReadAll(None)),
            Model::Counter { .. } => (Call::Increment(1), Call::Count(None)),
            Model::Queue { .. } => (Call::Enqueue(self.fresh()), Call::Dequeue(None)),
            Model::Register { .. } => return Ok(()),
        };
        let put = self.well(nth, 0, put, |_| false).await?.work.call;
        let before = before.filter(|_| matches!(model, Model::Set { .. }));
        self.is_shown(nth, model, (put, ask), before).await
    }

    /// Whether a register shows its first value; and whether it can be compared and set, where the file says how. That it had another value
    /// then is no mistake of the file.
    async fn try_register(&self, nth: usize, model: &Model, written: Call) -> Result<(), WorkError> {
        let (Call::Write(value), ask) = (&written, Call::Read(None)) else { return Ok(()) };
        let (value, compare) = (*value, Call::CompareAndSet(*value, self.fresh()));
        self.is_shown(nth, model, (written, ask.clone()), None).await?;
        let Some(call) = spec(model, &compare) else { return Ok(()) };
        let had_another = |why: &Obstacle| match why {
            Obstacle::Answer(AnswerError::Code { code, .. }) => call.means(*code) == Means::Fail,
            Obstacle::Answer(AnswerError::NoRow) => true,
            _ => false,
        };
        let done = self.well(nth, 0, compare, had_another).await?;
        match done.work.call {
            Call::CompareAndSet(from, to) if from == value && done.why.is_none() => {
                self.is_shown(nth, model, (Call::Write(to), ask), None).await
            }
            _ => Ok(()),
        }
    }

    /// One of the observer's operations, which must end well, or so that it is `fine`.
    async fn well(
        &self,
        model: usize,
        key: u32,
        mut call: Call,
        fine: impl Fn(&Obstacle) -> bool,
    ) -> Result<Tried, WorkError> {
        let mut patience = Patience::new();
        loop {
            let operation = Operation { model, key, call: call.clone() };
            let tried = self.tried(&mut *self.session.lock().await, OBSERVER, operation).await;
            let Some(why) = tried.why.as_ref().filter(|why| !fine(why)) else { return Ok(tried) };
            match patience.next(why.lasting()) {
                Next::TryAfter(pause) => {
                    if tried.work.outcome == crate::history::Ended::Info {
                        call = self.anew(call);
                    }
                    sleep(pause).await;
                }
                Next::Refuse => return Err(WorkError::Refused(self.refused(model, &tried, why).into())),
                Next::GiveUp => return Err(WorkError::Unready(self.unready(model, &tried, why).into())),
            }
        }
    }

    /// Asks until what was put there is what is shown. `before` is the answer from before it was put there.
    async fn is_shown(
        &self,
        nth: usize,
        model: &Model,
        (put, ask): (Call, Call),
        before: Option<(u16, Vec<u8>)>,
    ) -> Result<(), WorkError> {
        let text = value_in(&put).map(|value| self.sender.values.text(value));
        let is_elsewhere = |shows: &Tried| {
            let (Some(text), Some((_, before)), Some((_, body))) = (&text, &before, &shows.answer) else {
                return false;
            };
            times_in(body, text) > times_in(before, text)
        };
        let (begun, mut elsewhere) = (Instant::now(), 0);
        loop {
            // A value of before may be what a replica still shows that is behind.
            let shows = self.well(nth, 0, ask.clone(), Obstacle::is_foreign).await?;
            if shows.why.is_none() && shows_it(&put, &shows.work.call) {
                return Ok(());
            }
            elsewhere = if is_elsewhere(&shows) { elsewhere + 1 } else { 0 };
            if begun.elapsed() > SHOWS_WITHIN || elsewhere >= SEEN_ELSEWHERE {
                let (put, saw) = (put_in_words(&put), shows_in_words(&shows));
                let why = self.not_shown(model, &shows, (&put, &saw), elsewhere > 0);
                return Err(WorkError::Refused(why.into()));
            }
            sleep(TRY_EVERY).await;
        }
    }
}

/// How often a text is a value of a JSON document, as a text or a number.
fn times_in(body: &[u8], text: &str) -> usize {
    fn count(json: &serde_json::Value, text: &str) -> usize {
        match json {
            serde_json::Value::String(found) => usize::from(found == text),
            serde_json::Value::Number(number) => usize::from(number.to_string() == text),
            serde_json::Value::Array(items) => items.iter().map(|item| count(item, text)).sum(),
            serde_json::Value::Object(fields) => fields.values().map(|field| count(field, text)).sum(),
            _ => 0,
        }
    }
    serde_json::from_slice(body).map_or(0, |json| count(&json, text))
}

fn value_in(put: &Call) -> Option<u32> {
    match put {
        Call::Add(value) | Call::Write(value) | Call::Enqueue(value) => Some(*value),
        _ => None,
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

fn shows_in_words(shows: &Tried) -> String {
    if let Some(Obstacle::Answer(AnswerError::Foreign(text))) = &shows.why {
        return format!("`{text}`");
    }
    match &shows.work.call {
        Call::ReadAll(Some(saw)) => match (saw.values.len(), saw.strange.first()) {
            (_, Some(strange)) => format!("`{strange}`"),
            (0, None) => "no value".into(),
            (1, None) => "another value".into(),
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
            first.map(|first| match values {
                1 => format!("it shows `{first}`"),
                _ => format!("it shows {values} values or more, such as `{first}`"),
            })
        }
        Call::Dequeue(Some(Shown::Value(message))) => Some(format!("it has a message, `{message}`")),
        Call::Count(Some(count)) if *count != 0 => Some(format!("it counts {count}")),
        _ => None,
    }
}
