//! Workloads that other crates add: see [`register!`](crate::register).

use rand::rngs::StdRng;
use serde_json::Value;

use super::LoadError;
use crate::history::{Ended, Work};

/// A user of an application: what it does next, and what answers mean.
///
/// The harness sends what it asks for, one operation after the other, and puts each on record: [`History::works`](crate::history::History::works).
/// An operation without a whole answer is [`Ended::Info`] if it changes something and may have been sent, and [`Ended::Fail`] otherwise. No function
/// may block: other users wait for it.
pub trait User: Send {
    /// What it does next. What it leaves to chance it draws with `chance`, and with nothing else, so that a seed stays a plan.
    fn next(&mut self, chance: &mut StdRng) -> Invocation;

    /// What a whole answer means, and what it showed ([`Value::Null`] for nothing). Pure.
    ///
    /// [`Ended::Ok`] acknowledges the operation; a read that shows that something is not there is `Ok`, too. [`Ended::Fail`] says that it certainly
    /// was not done, and will not be. Whatever may have been done is [`Ended::Info`]; a read that ends so is recorded as `Fail`.
    fn means(&self, invocation: &Invocation, response: &Response) -> (Ended, Value);

    /// An operation of its own has ended, however it did. It is not called for what was still under way when the load was over.
    fn ended(&mut self, _work: &Work) {}

    /// What is to be read when the load is over. Each is asked until it is `Ok`, for 30 s; what several users ask for alike is asked once.
    fn last(&self) -> Vec<Invocation>;
}

/// An operation that is to be done, as a request of the site's entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Invocation {
    /// What is asked for, as it stands on record.
    pub asked: Value,
    /// Whether it may change what the application has.
    pub changes: bool,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, and the query, as they are sent.
    pub path: String,
    /// Headers beside those of JSON.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one: JSON.
    pub body: Option<Value>,
}

impl Invocation {
    /// `GET path`, which changes nothing.
    pub fn get(path: impl Into<String>, asked: Value) -> Invocation {
        let (method, path) = ("GET".into(), path.into());
        Invocation { asked, changes: false, method, path, headers: Vec::new(), body: None }
    }

    /// `POST path` with a body, which changes something.
    pub fn post(path: impl Into<String>, body: Value, asked: Value) -> Invocation {
        let (method, path) = ("POST".into(), path.into());
        Invocation { asked, changes: true, method, path, headers: Vec::new(), body: Some(body) }
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Response {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        self.body.parse().unwrap_or_default()
    }
}

/// Which user of a workload one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its number, from 0.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// The scenario's seed: what must not be there from another run can be named by it.
    pub seed: u64,
}

/// A workload of another crate.
#[derive(Clone, Copy)]
pub struct RegisteredWorkload {
    /// What features call it: lower case, without dots and slashes.
    pub name: &'static str,
    /// Makes a user.
    pub user: fn(&Member) -> Box<dyn User>,
    /// The file and the line.
    pub place: (&'static str, u32),
}

cucumber::codegen::collect!(RegisteredWorkload);

/// Those that are linked in, by place.
pub fn workloads() -> Vec<RegisteredWorkload> {
    let mut all: Vec<RegisteredWorkload> =
        cucumber::codegen::inventory::iter::<RegisteredWorkload>.into_iter().copied().collect();
    all.sort_by_key(|registered| registered.place);
    all
}

/// What is wrong with the names of these: the place of each, what, and what to do.
pub fn wrong(all: &[RegisteredWorkload]) -> Vec<((&'static str, u32), String)> {
    let mut wrong = Vec::new();
    for (at, RegisteredWorkload { name, place, .. }) in all.iter().enumerate() {
        if name.is_empty() || name.contains(['.', '/']) {
            let why = format!("the workload `{name}` is called like a file");
            wrong.push((*place, format!("{why}\n  help: give it a name without dots and slashes, such as `sign-ups`")));
        } else if all[..at].iter().any(|other| other.name == *name) {
            wrong.push((*place, format!("there is a workload `{name}` already\n  help: give this one another name")));
        }
    }
    wrong
}

/// The users of a workload, so many.
pub(super) fn users(name: &str, of: u32, seed: u64) -> Result<Vec<Box<dyn User>>, LoadError> {
    let registered = workloads().into_iter().find(|one| one.name == name).ok_or_else(|| LoadError::Setting {
        field: "workload",
        found: format!("“{name}”"),
        expected: "this program registers none of this name; run the plan by the test target that does",
    })?;
    Ok((0..of).map(|number| (registered.user)(&Member { number, of, seed })).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &'static str, line: u32) -> RegisteredWorkload {
        RegisteredWorkload { name, user: |_| unreachable!("no user is made"), place: ("chaos.rs", line) }
    }

    #[test]
    fn a_name_is_no_files_and_no_others() {
        let all = [
            named("sign-ups", 1),
            named("orders.workload.yaml", 2),
            named("sign-ups", 3),
            named("a/b", 4),
            named("", 5),
        ];
        let found: Vec<String> =
            wrong(&all).iter().map(|((path, line), why)| format!("{path}:{line}: {why}")).collect();
        insta::assert_snapshot!(found.join("\n"), @r"
        chaos.rs:2: the workload `orders.workload.yaml` is called like a file
          help: give it a name without dots and slashes, such as `sign-ups`
        chaos.rs:3: there is a workload `sign-ups` already
          help: give this one another name
        chaos.rs:4: the workload `a/b` is called like a file
          help: give it a name without dots and slashes, such as `sign-ups`
        chaos.rs:5: the workload `` is called like a file
          help: give it a name without dots and slashes, such as `sign-ups`
        ");
    }

    #[test]
    fn a_program_that_does_not_register_it_says_so() {
        let why = users("transfers", 3, 7).err().unwrap().to_string();
        assert_eq!(
            why,
            "`workload` is “transfers”: this program registers none of this name; run the plan by the test target that does"
        );
    }

    #[test]
    fn what_is_no_json_is_null() {
        let of = |body: &str| Response { status: 200, body: body.into() }.json();
        assert_eq!([of("{\"user\":7}")["user"].as_u64(), of("<html>")["user"].as_u64()], [Some(7), None]);
    }
}
