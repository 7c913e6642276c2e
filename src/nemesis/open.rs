//! A strike that is under way: its victims, and the attendant of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::attendant::{Attendant, Left};
use super::victim::Victim;

/// One strike, from the moment its victims are known until nothing of it is left. Dropped, it forgets its attendants;
/// what they would have undone ends by its lease.
pub(super) struct Open {
    pub victims: Vec<Arc<Victim>>,
    attendants: JoinSet<(String, Left)>,
    lift: watch::Sender<bool>,
    /// Victims of which it is not said yet whether they are struck.
    undecided: Arc<AtomicUsize>,
    begun: bool,
}

impl Open {
    pub fn new(victims: Vec<Victim>) -> Self {
        let victims = victims.into_iter().map(Arc::new).collect();
        let (attendants, lift, undecided) = (JoinSet::new(), watch::Sender::new(false), Arc::default());
        Open { victims, attendants, lift, undecided, begun: false }
    }

    /// Strikes every victim, side by side. Each receiver hears when the next strike need not wait for this one any
    /// longer: it is confirmed, or can't be confirmed while it impairs its own path.
    pub fn strike(&mut self) -> Vec<oneshot::Receiver<()>> {
        self.begun = true;
        self.undecided.store(self.victims.len(), Ordering::Relaxed);
        let mut heard = Vec::new();
        for victim in &self.victims {
            let (go_on, receiver) = oneshot::channel();
            let attendant =
                Attendant::new(Arc::clone(victim), self.lift.subscribe(), go_on, Arc::clone(&self.undecided));
            let server = victim.server().to_string();
            self.attendants.spawn(async move { (server, attendant.attend().await) }.in_current_span());
            heard.push(receiver);
        }
        heard
    }

    /// Servers whose attendants have ended since the last time, with what is left there.
    pub fn ended(&mut self) -> Vec<(String, Left)> {
        std::iter::from_fn(|| self.attendants.try_join_next()).map(joined).collect()
    }

    /// Whether nothing of it is to be done any more.
    pub fn is_over(&self) -> bool {
        self.begun && self.attendants.is_empty()
    }

    /// Whether something of it is still to come by itself: its planned end, or the word whether it is in force.
    pub fn has_more(&self) -> bool {
        let timed = self.victims.iter().any(|victim| victim.lasts.is_some());
        !self.is_over() && (timed || self.undecided.load(Ordering::Relaxed) > 0)
    }

    /// Ends it now, whatever was planned; all are tried. What was armed and not struck yet is undone too.
    pub async fn lift(&mut self) -> Vec<(String, Left)> {
        self.lift.send_replace(true);
        if !self.begun {
            self.strike();
        }
        let mut ended = Vec::new();
        while let Some(one) = self.attendants.join_next().await {
            ended.push(joined(one));
        }
        ended
    }
}

fn joined(ended: Result<(String, Left), tokio::task::JoinError>) -> (String, Left) {
    ended.unwrap_or_else(|why| match why.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => unreachable!("attendants are aborted only when the strike is dropped"),
    })
}
