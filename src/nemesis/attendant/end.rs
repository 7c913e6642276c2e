//! The end of a fault: what its holder stamped is collected, and nothing of it is left.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{ASK_EVERY, ASKING, Attendant, GONE, Left, Reported};
use crate::agent::client::Agent;
use crate::agent::stamp::{Account, Stamps};
use crate::instance::PowerState;
use crate::nemesis::undo::ended_early;
use crate::units::show_duration;

/// The first question after the planned end may take this long; each further one twice as long, over a new connection, up
/// to [`ASKING`].
const FIRST_QUESTION: Duration = Duration::from_millis(500);
/// A holder that never injected what it was told to has had time enough by then.
const NEVER_CAME: Duration = Duration::from_secs(1);

impl Attendant {
    /// After the planned end: what the holder stamped, confirmed by a look, and then nothing of it is left.
    pub(super) async fn collect(&mut self) -> Left {
        let answer = self.account_of_the_end().await;
        let stamps = answer.as_ref().ok().and_then(|account| account.stamps.clone());
        if self.victim.ended_with_it().await.is_none() {
            if !self.is_confirmed_by(&answer).await && !self.confirmed {
                self.deny(&answer).await;
            }
            self.see_that_it_lasted(&answer);
        } else {
            self.denied_unless_confirmed(GONE);
        }
        let ended = stamps.as_ref().and_then(|stamps| stamps.ended);
        let healed = self.victim.heal_known(self.alive_us, ended).await.0;
        if healed { Left::Healed } else { Left::Unhealed }
    }

    /// Asks until the end is stamped, over new connections where the old ones may still wait for what was lost.
    async fn account_of_the_end(&mut self) -> Reported {
        let deadline = self.victim.heal_deadline();
        let never_came = Instant::now() + NEVER_CAME;
        let mut within = FIRST_QUESTION;
        if self.victim.strike.impairs_its_own_path() {
            self.victim.connect_anew();
        }
        loop {
            let answer = self.ask(within).await;
            let is_final = match &answer {
                Ok(Account { stamps: Some(Stamps { onset, ended, .. }), .. }) => {
                    ended.is_some() || (onset.is_none() && Instant::now() >= never_came)
                }
                Ok(Account { stamps: None, .. }) => true,
                Err(_) => self.victim.ended_with_it().await.is_some(),
            };
            if is_final || Instant::now() >= deadline {
                return answer;
            }
            if answer.is_err() {
                self.victim.connect_anew();
                within = (within * 2).min(ASKING);
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Whether the stamps say that it lasted as long as it should.
    fn see_that_it_lasted(&self, answer: &Reported) {
        let (true, Ok(account), Some(lasts)) = (self.confirmed, answer, self.victim.lasts) else { return };
        if self.victim.context.sabotage.witnesses {
            return;
        }
        match &account.stamps {
            None => self.victim.lapsed(format!(
                "its holder is gone, and with it the time at which the fault ended: {}",
                account.seen.evidence
            )),
            Some(stamps) => {
                if let Some(lasted) = ended_early(stamps, lasts) {
                    let [lasted, lasts] = [lasted, lasts].map(show_duration);
                    self.victim.lapsed(format!("it ended after {lasted} of {lasts}"));
                }
            }
        }
    }

    /// Undoes it now.
    pub(super) async fn heal(&mut self) -> Left {
        let (healed, stamps) = self.victim.heal_known(self.alive_us, None).await;
        if let Some(onset) = stamps.and_then(|stamps| stamps.onset) {
            self.stamped(onset, "its holder on the victim saw it in force".into()).await;
        }
        self.denied_unless_confirmed("it was lifted before it could be confirmed");
        if healed { Left::Healed } else { Left::Unhealed }
    }

    /// What a victim that runs again kept of it: a record without a holder.
    pub(super) async fn sweep(&self) {
        if self.victim.is_held() && self.victim.state().await == Some(PowerState::Running) {
            let remote = self.victim.reached_by();
            let _ = Agent::new(&*remote).within(ASKING).heal(&self.victim.id).await;
        }
    }
}
