//! Operations of users that another crate makes ([`User`]): what they ask for is sent and recorded, and what answers mean is asked of them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::answer::Answer;
use super::obstacle::Obstacle;
use super::send::{Came, Met, as_a_request, unanswered};
use super::{OBSERVES_WITHIN, Shared, TRY_EVERY};
use crate::history::work::{Asked, Call, OBSERVER};
use crate::history::{Ended, Outcome, Work};
use crate::load::registered::{Invocation, Response, User};
use crate::workload::CallSpec;

/// Why a last read was not made.
const NOT_ASKED: &str = "not asked: another one was not answered when the load was over";

/// A user, who is asked between requests and never during one.
type Registered = Mutex<Box<dyn User>>;

impl Shared {
    /// The next operation of a user, on record however it ends.
    pub(super) async fn invoke_next(&self, user: &Registered, process: u32, chance: &mut StdRng) -> Work {
        let invocation = lock(user).next(chance);
        let done = self.invoke(user, process, &invocation).await;
        lock(user).ended(&done);
        done
    }

    /// Whether a user wants anything to be read when the load is over.
    pub(super) fn wants_last(&self) -> bool {
        self.users.iter().any(|user| !user.is_poisoned() && !lock(user).last().is_empty())
    }

    /// Reads what all users want to be read, once each. After one that can't be read within 30 s the rest is on record as not asked.
    pub(super) async fn invoke_last(&self) {
        let mut known = HashSet::new();
        let mut is_answered = true;
        // A user who panicked is not asked any more.
        for user in self.users.iter().filter(|user| !user.is_poisoned()) {
            let wanted = lock(user).last();
            for invocation in wanted.into_iter().filter(|one| known.insert(one.clone())) {
                if is_answered {
                    is_answered = self.invoke_until_answered(user, &invocation).await;
                } else {
                    let why = Obstacle::NoAnswer(NOT_ASKED.into());
                    let came = Came::Nothing { sent: false, request: Outcome::NotSent, why };
                    let call = asked(&invocation, Value::Null);
                    self.begin(OBSERVER, 0, call.clone()).end(unanswered(call, came));
                }
            }
        }
    }

    async fn invoke_until_answered(&self, user: &Registered, invocation: &Invocation) -> bool {
        let begun = Instant::now();
        loop {
            if self.invoke(user, OBSERVER, invocation).await.outcome == Ended::Ok {
                return true;
            }
            if begun.elapsed() > OBSERVES_WITHIN {
                return false;
            }
            sleep(TRY_EVERY).await;
        }
    }

    async fn invoke(&self, user: &Registered, process: u32, invocation: &Invocation) -> Work {
        let mut under_way = self.begin(process, 0, asked(invocation, Value::Null));
        let Invocation { method, path, headers, body, .. } = invocation;
        let body = body.as_ref().map(Value::to_string);
        let is_json = body.is_some();
        let came = self.sender.request(method, path, headers, body, is_json).await;
        under_way.end(met(&**lock(user), invocation, came)).work
    }
}

fn lock(user: &Registered) -> std::sync::MutexGuard<'_, Box<dyn User>> {
    user.lock().unwrap_or_else(PoisonError::into_inner)
}

fn asked(invocation: &Invocation, saw: Value) -> Call {
    let Invocation { asked, changes, .. } = invocation.clone();
    Call::Registered(Box::new(Asked { asked, changes, saw }))
}

/// How an operation ended: by its user, where an answer came.
fn met(user: &dyn User, invocation: &Invocation, came: Came) -> Met {
    let Came::Answer { code, body, served_by } = came else {
        return unanswered(asked(invocation, Value::Null), came);
    };
    let response = Response { status: code, body: String::from_utf8_lossy(&body).into_owned() };
    let (outcome, saw) = match user.means(invocation, &response) {
        (Ended::Info, saw) if !invocation.changes => (Ended::Fail, saw),
        meaning => meaning,
    };
    let answer = Answer::Coded { code, body: &body };
    let why = (outcome != Ended::Ok).then(|| Obstacle::from(answer.met(&CallSpec::default())));
    let call = asked(invocation, saw);
    Met { call, outcome, why, answer: Some((code, body)), served_by, request: as_a_request(code) }
}

#[cfg(test)]
#[path = "invoke_tests.rs"]
mod tests;
