//! What a workload did to an application's data, operation by operation: the evidence about the data of any application.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plausible;
use super::ranges::Ranges;

/// How an operation ended.
///
/// The third way is what makes a history honest: what timed out or broke may have been applied or not, and both are legal ever after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Acknowledged: it has been applied.
    Ok,
    /// Refused, or never sent: it has not been applied, and never will be.
    Fail,
    /// It can't be known: it may have been applied, or may yet be.
    Info,
}

/// The process that prepares the application, and reads what is left in the end.
pub const OBSERVER: u32 = u32::MAX;

/// One operation. A process does one at a time, and no more once it can't know how its last one ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Who.
    pub process: u32,
    /// Which register, counter or queue; 0 where there is one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub key: u32,
    /// What.
    pub call: Call,
    /// When it was sent, in microseconds on the run's clock.
    #[serde(deserialize_with = "plausible::us")]
    pub invoked_us: u64,
    /// When its end was known.
    #[serde(deserialize_with = "plausible::us")]
    pub ended_us: u64,
    /// How it ended.
    pub outcome: Ended,
    /// What was met, where it was not a plain success: `status 503`, `no answer within the deadline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Which server answered, where the application says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<String>,
}

fn is_zero(key: &u32) -> bool {
    *key == 0
}

/// What is asked for, and what a read saw once it ended well. Values are numbers that are sent once only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Of a set: a value is put into it.
    Add(u32),
    /// Of a set: all values.
    ReadAll(Option<Saw>),
    /// Of a register: it is this from now on.
    Write(u32),
    /// Of a register: it is the second from now on, if it was the first.
    CompareAndSet(u32, u32),
    /// Of a register: its value, if it has one yet.
    Read(Option<Shown>),
    /// Of a counter: so much more, or less.
    Increment(i64),
    /// Of a counter: its value.
    Count(Option<i64>),
    /// Of a queue: a message is put into it.
    Enqueue(u32),
    /// Of a queue: the next message, if there is one.
    Dequeue(Option<Shown>),
    /// Of a workload that another crate registered: what it says of it.
    Registered(Box<Asked>),
}

/// An operation of a workload that another crate registered, in that crate's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What was asked for.
    pub asked: Value,
    /// Whether it changes what the application has.
    pub changes: bool,
    /// What the answer showed; null where it showed nothing, and where none came.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub saw: Value,
}

static NOTHING: Value = Value::Null;

impl Work {
    /// What was asked for, in the words of the crate that registered the workload; null of a workload file.
    pub fn asked(&self) -> &Value {
        self.registered().map_or(&NOTHING, |asked| &asked.asked)
    }

    /// What the answer showed, as [`asked`](Self::asked); null where it showed nothing, and where none came.
    pub fn saw(&self) -> &Value {
        self.registered().map_or(&NOTHING, |asked| &asked.saw)
    }

    /// Whether it was acknowledged: [`Ended::Ok`].
    pub fn is_acknowledged(&self) -> bool {
        self.outcome == Ended::Ok
    }

    /// Whether it failed because the application could not serve it, or was not there to be asked: not if its answer was that this can't be done
    /// (a status of 4xx), as when a name is taken.
    pub fn was_not_served(&self) -> bool {
        let turned_down = self.detail.as_deref().is_some_and(|detail| detail.starts_with("status 4"));
        self.outcome == Ended::Fail && !turned_down
    }

    /// Whether it is none of a user's, but was asked by the observer: of a registered workload, when the load was over.
    pub fn is_last(&self) -> bool {
        self.process == OBSERVER
    }

    fn registered(&self) -> Option<&Asked> {
        match &self.call {
            Call::Registered(asked) => Some(asked),
            _ => None,
        }
    }
}

/// What a register or a queue showed: a value that an operation sent, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// There is none.
    Nothing,
    /// This one.
    Value(u32),
}

/// What a read of a set showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saw {
    /// The values.
    pub values: Ranges,
    /// Those among them that were there more than once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twice: Vec<u32>,
    /// The beginnings of values that no operation can have sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strange: Vec<String>,
}

impl Call {
    /// What a workload file calls it; `registered`, where none says it.
    pub fn field(&self) -> &'static str {
        match self {
            Call::Add(_) => "add",
            Call::ReadAll(_) | Call::Read(_) | Call::Count(_) => "read",
            Call::Write(_) => "write",
            Call::CompareAndSet(..) => "compare_and_set",
            Call::Increment(_) => "increment",
            Call::Enqueue(_) => "enqueue",
            Call::Dequeue(_) => "dequeue",
            Call::Registered(_) => "registered",
        }
    }

    /// Whether it puts something into the application.
    pub fn is_write(&self) -> bool {
        self.changes() && !matches!(self, Call::Dequeue(_))
    }

    /// Whether it changes what the application has: what is taken out of a queue is there no longer.
    pub fn changes(&self) -> bool {
        match self {
            Call::ReadAll(_) | Call::Read(_) | Call::Count(_) => false,
            Call::Registered(asked) => asked.changes,
            _ => true,
        }
    }
}

impl From<Option<u32>> for Shown {
    fn from(value: Option<u32>) -> Shown {
        value.map_or(Shown::Nothing, Shown::Value)
    }
}

impl Shown {
    /// The value, if there is one.
    pub fn value(self) -> Option<u32> {
        match self {
            Shown::Nothing => None,
            Shown::Value(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(call: Call) -> Work {
        let (outcome, detail, served_by) = (Ended::Ok, None, None);
        Work { process: 3, key: 0, call, invoked_us: 1, ended_us: 2, outcome, detail, served_by }
    }

    #[test]
    fn an_operation_of_another_crate_is_in_its_own_words_and_reads_back() {
        let asked = |saw| Asked { asked: serde_json::json!({ "signup": "ada" }), changes: true, saw };
        for (saw, line) in [
            (Value::Null, r#""call":{"registered":{"asked":{"signup":"ada"},"changes":true}}"#),
            (Value::from(7), r#""call":{"registered":{"asked":{"signup":"ada"},"changes":true,"saw":7}}"#),
        ] {
            let work = work(Call::Registered(Box::new(asked(saw.clone()))));
            let text = serde_json::to_string(&work).unwrap();
            assert!(text.contains(line), "{text}");
            let read: Work = serde_json::from_str(&text).unwrap();
            assert_eq!(read, work);
            assert_eq!((&read.asked()["signup"], read.saw()), (&Value::from("ada"), &saw));
            assert!(read.call.is_write() && !read.is_last());
        }
        assert_eq!(work(Call::Add(7)).asked(), &Value::Null);
    }

    #[test]
    fn an_operation_is_a_short_line_and_reads_back() {
        let line = serde_json::to_string(&work(Call::Add(7))).unwrap();
        assert_eq!(line, r#"{"process":3,"call":{"add":7},"invoked_us":1,"ended_us":2,"outcome":"ok"}"#);
        let calls = [
            Call::Read(Some(Shown::Nothing)),
            Call::Read(Some(Shown::Value(3))),
            Call::Read(None),
            Call::Dequeue(Some(Shown::Nothing)),
            Call::CompareAndSet(1, 2),
            Call::ReadAll(Some(Saw {
                values: [1, 2].into_iter().collect(),
                twice: vec![2],
                strange: vec!["x".into()],
            })),
        ];
        for call in calls {
            let line = serde_json::to_string(&work(call.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Work>(&line).unwrap().call, call, "{line}");
        }
    }
}
