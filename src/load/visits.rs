//! Users who do more than browse: each signs up, then does what [`journey`](super::journey) draws, and every operation
//! is on record with how it ended.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use goose::prelude::*;
use hyper::header::{ACCEPT, CONTENT_TYPE};

use crate::history::{Op, Outcome};

use super::http::{detail, outcome_of_reqwest};
use super::interface::{self, Answered};
use super::journey::{JourneyConfig, Visitor};
use super::worker::Crowd;

const JSON: &str = "application/json";

/// All of them; goose's users take their seats as they arrive.
pub(super) struct Visitors {
    all: Vec<Mutex<Visitor>>,
    arrived: AtomicU32,
}

/// Which visitor a goose user is.
#[derive(Debug, Clone, Copy)]
struct Seat(usize);

impl Visitors {
    pub(super) fn new(config: JourneyConfig, users: u32) -> Visitors {
        let all = (0..users).map(|number| Mutex::new(Visitor::new(config, number, users))).collect();
        Visitors { all, arrived: AtomicU32::new(0) }
    }

    fn with<T>(&self, seat: Seat, then: impl FnOnce(&mut Visitor) -> T) -> T {
        then(&mut self.all[seat.0].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Crowd {
    /// A user takes its seat, and its own name.
    pub(super) async fn sign_up(&self, user: &mut GooseUser) -> TransactionResult {
        let Some(visitors) = &self.visitors else { return Ok(()) };
        let arrived = visitors.arrived.fetch_add(1, Ordering::SeqCst) as usize;
        let seat = Seat(arrived % visitors.all.len());
        user.set_session_data(seat);
        let (process, op) = visitors.with(seat, |visitor| (visitor.name().to_string(), visitor.arrival()));
        self.perform(user, &process, op).await;
        self.has_come();
        Ok(())
    }

    /// The next thing a user does.
    pub(super) async fn act(&self, user: &mut GooseUser) -> TransactionResult {
        let (Some(visitors), Some(seat)) = (&self.visitors, user.get_session_data::<Seat>().copied()) else {
            return Ok(());
        };
        let (process, op) = visitors.with(seat, |visitor| (visitor.name().to_string(), visitor.next()));
        self.perform(user, &process, op).await;
        Ok(())
    }

    /// One operation, from before it is sent until its end is known; on record as an operation and as a request.
    async fn perform(&self, user: &GooseUser, process: &str, op: Op) {
        self.unless_stopping(async {
            let begun_us = self.clock.now_us();
            let Some(ticket) = self.outbox.begin(process, &op, begun_us) else { return };
            let (Answered { op, outcome, detail }, met) = self.send(user, process, op).await;
            self.outbox.end(ticket, op, self.clock.now_us(), outcome, detail);
            self.outbox.request(self.sample(begun_us, met));
        })
        .await;
    }

    async fn send(&self, user: &GooseUser, process: &str, op: Op) -> (Answered, Outcome) {
        let call = interface::call(process, &op);
        let mut url = self.origin.clone();
        url.set_path(&call.path);
        let request = match call.body {
            Some(body) => user.client.post(url).header(CONTENT_TYPE, JSON).body(body),
            None => user.client.get(url),
        };
        let answer = match request.header(ACCEPT, JSON).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                response.bytes().await.map(|body| (status, body))
            }
            Err(why) => Err(why),
        };
        match answer {
            Ok((status, body)) => (interface::answered(op, status, &body), met(status)),
            Err(why) => {
                let met = outcome_of_reqwest(&why);
                // Where not even a connection came about, nothing can have been asked of the site.
                (interface::unanswered(op, !why.is_connect(), detail(met, &why)), met)
            }
        }
    }
}

/// The site answered: what is no failure of its own is good, a name that is taken too.
fn met(status: u16) -> Outcome {
    if status < 500 { Outcome::Good } else { Outcome::Status(status) }
}
