//! While a fault is on: its lease, its victim's life, questions over a path that may answer late.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, sleep_until};

use super::{ASK_EVERY, ASKING, Attendant, Reported, lifted};
use crate::clock;
use crate::fault::Action;
use crate::history::{Event, Onset};
use crate::instance::Plug;
use crate::nemesis::RENEWALS;
use crate::units::show_duration;

/// How often it is seen whether the victim lives, where that is read from the kernel, and where it is asked over the network.
const ALIVE_EVERY: Duration = Duration::from_millis(500);
const ALIVE_EVERY_REMOTELY: Duration = Duration::from_secs(2);
/// How long a question may take over a path that is impaired for an unknown time, and how long it is tried to confirm it there.
const ASKING_OVER_ITS_PATH: Duration = Duration::from_secs(20);
const CONFIRMED_WITHIN: Duration = Duration::from_secs(60);
/// So long before its planned end a fault is looked at once more, if it lasts four times as long.
const LAST_LOOK: Duration = Duration::from_millis(250);
/// So long before its planned end a new connection is tried over a path that the fault impairs …
const LAST_KNOCK: Duration = Duration::from_millis(500);
/// … for so long, if the fault keeps every connection from coming about for longer than that.
const KNOCKING: Duration = Duration::from_millis(200);

/// How the time of a fault came to its end.
pub(super) enum End {
    /// It was lifted.
    Lifted,
    /// It is the planned one.
    PlannedStrike,
    /// The victim, or its power, is gone, and the fault with it.
    WithVictim(Onset, String),
}

impl Attendant {
    /// Until the planned end, until it is lifted, or as long as the victim lives.
    pub(super) async fn stay(&mut self) -> End {
        let mut lift = self.lift.clone();
        let planned = self.planned();
        let mut last_look = planned.and_then(|planned| planned.checked_sub(self.last_look_before_its_end()?));
        let (mut alive, mut renewed) = (Instant::now(), Instant::now());
        let asks = !self.confirmed && self.undecided.is_some() && self.victim.is_held();
        let mut question = asks.then(|| self.first_question());
        loop {
            let renew_at = self.is_renewed().then(|| renewed + self.victim.context.lease / RENEWALS);
            let due = [planned, last_look, renew_at, Some(alive + self.alive_every())];
            tokio::select! {
                biased;
                () = lifted(&mut lift) => return End::Lifted,
                answer = next(&mut question) => question = self.heard(&answer, planned).await,
                () = sleep_until(due.into_iter().flatten().min().expect("one is always there")) => {}
            }
            let now = Instant::now();
            if planned.is_some_and(|planned| planned <= now) {
                return End::PlannedStrike;
            }
            if last_look.is_some_and(|at| at <= now) {
                last_look = None;
                match self.victim.is_held() && !self.victim.strike.impairs_its_own_path() {
                    true => self.look_at_last().await,
                    false => self.knock_at_last(planned).await,
                }
            }
            if renew_at.is_some_and(|at| at <= now) {
                renewed = now;
                self.renew(planned).await;
            }
            if alive + self.alive_every() <= now {
                alive = now;
                if let Some(end) = self.see_that_it_lives().await {
                    return end;
                }
            }
        }
    }

    /// When the fault is to end; for what an agent holds, not later than its holder ends it.
    fn planned(&self) -> Option<Instant> {
        let lasts = self.victim.lasts?;
        Some(if self.victim.is_held() {
            self.called + self.victim.strike.waits() + lasts
        } else {
            Instant::now() + lasts
        })
    }

    /// Reported once the fault should be there, over the connection that is open: what was said before may be answered still.
    fn first_question(&self) -> BoxFuture<'static, Reported> {
        let should_be_there = self.called + self.victim.strike.waits() + ASK_EVERY;
        let next = self.ask(self.over_its_path());
        async move { sleep_until(should_be_there).then(|()| next).await }.boxed()
    }

    fn over_its_path(&self) -> Duration {
        self.planned().map_or(ASKING_OVER_ITS_PATH, |planned| planned.saturating_duration_since(Instant::now()))
    }

    /// Takes in an answer over a path that is impaired; the next question, if another is worth it. Where nothing comes back, a
    /// planned end is waited for.
    async fn heard(&mut self, answer: &Reported, planned: Option<Instant>) -> Option<BoxFuture<'static, Reported>> {
        if self.is_confirmed_by(answer).await {
            return None;
        }
        let give_up = self.called + self.victim.strike.waits() + CONFIRMED_WITHIN;
        match planned {
            Some(_) if answer.is_err() => return None,
            None if Instant::now() >= give_up => {
                self.deny(answer).await;
                return None;
            }
            _ => {}
        }
        if answer.is_err() {
            self.victim.connect_anew();
        }
        let next = self.ask(self.over_its_path());
        Some(async move { sleep(ASK_EVERY).then(|()| next).await }.boxed())
    }

    fn alive_every(&self) -> Duration {
        if self.victim.context.provider.shares_kernel() { ALIVE_EVERY } else { ALIVE_EVERY_REMOTELY }
    }

    async fn see_that_it_lives(&mut self) -> Option<End> {
        let now_us = self.victim.now_us();
        let now = self.victim.measured().await;
        match self.victim.ended_as(now.as_ref()) {
            Some(why) => {
                let ended = Onset { not_before_us: self.alive_us, by_us: self.victim.now_us() };
                Some(End::WithVictim(ended, why))
            }
            None => {
                self.alive_us = now_us;
                if let Some(Ok(now)) = now {
                    self.victim.see_that_it_is_off(&now).await;
                }
                None
            }
        }
    }

    fn is_renewed(&self) -> bool {
        match &self.victim.strike.inject {
            Action::Hold(effect) => !effect.impairs_its_own_path(),
            Action::Power(operation) => operation.undone_by().is_some(),
            Action::Exec(_) | Action::Release => false,
        }
    }

    async fn renew(&self, planned: Option<Instant>) {
        let Err(detail) = self.victim.renew(self.victim.context.lease / RENEWALS).await else { return };
        let is_over = planned.is_some_and(|planned| planned <= Instant::now());
        if !is_over && self.victim.ended_with_it().await.is_none() {
            let (strike, target) = (self.victim.number, self.victim.server().to_string());
            self.victim.context.recorder.record(Event::LeaseNotRenewed { strike, target, detail });
        }
    }

    /// How long before its planned end it is seen once more that the fault is in force; `None` where that can't be seen, or
    /// the fault is too short.
    fn last_look_before_its_end(&self) -> Option<Duration> {
        let before = match &self.victim.strike.inject {
            Action::Power(operation) => (operation.plug() == Plug::Network).then_some(LAST_KNOCK)?,
            Action::Exec(_) | Action::Release => return None,
            Action::Hold(effect) if !effect.impairs_its_own_path() => LAST_LOOK,
            Action::Hold(effect) => {
                effect.no_connection_within().filter(|least| *least > KNOCKING).map(|_| LAST_KNOCK)?
            }
        };
        self.victim.lasts.filter(|lasts| *lasts >= 4 * before).map(|_| before)
    }

    /// A new connection shortly before the planned end, over the path that the fault impairs: if it comes about sooner than
    /// the fault would let it, the fault is over, whatever its holder stamps, or a provider says.
    async fn knock_at_last(&self, planned: Option<Instant>) {
        if self.victim.context.sabotage.witnesses {
            return;
        }
        let Some(remote) = self.victim.remote() else { return };
        if remote.knock(KNOCKING).await.is_err() || planned.is_some_and(|planned| planned <= Instant::now()) {
            return;
        }
        if self.victim.ended_with_it().await.is_none() {
            let before = show_duration(LAST_KNOCK);
            self.victim.lapsed(format!("{before} before its end a new connection came about at once"));
        }
    }

    /// A look of another process than the holder, shortly before the planned end: whatever is stamped, the fault must be
    /// in force then.
    async fn look_at_last(&self) {
        if self.victim.context.sabotage.witnesses || !self.confirmed {
            return;
        }
        let (Some(onset), Some(lasts)) = (self.onset, self.victim.lasts) else { return };
        let Ok(account) = self.ask(ASKING).await else { return };
        let ends_us = onset.by_us + clock::micros(lasts);
        if !account.seen.in_force && account.looked.by_us < ends_us {
            let left = Duration::from_micros(ends_us - account.looked.by_us);
            self.victim.lapsed(format!(
                "{} before its end it was not there: {}",
                show_duration(left),
                account.seen.evidence
            ));
        }
    }
}

/// The answer to a question; never where there is none.
async fn next(question: &mut Option<BoxFuture<'static, Reported>>) -> Reported {
    match question {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}
