//! What is known of whether one server answers: when it surely did, and which connection attempts it has left unanswered since.
//!
//! An attempt that was begun at one moment, and is still unanswered much later, says that the server did not answer from that moment
//! on. So a state is dated by when it was first seen, though a later look confirms it. Moments are microseconds of this machine's
//! `CLOCK_MONOTONIC`.

use crate::instance::Between;

/// A server that has left every attempt of so long unanswered is down.
pub(super) const CONFIRMED_US: u64 = 2_000_000;
/// From one attempt to the next, at least: an sshd starts a process for each.
pub(super) const EVERY_US: u64 = 250_000;
/// A server whose watcher wrote a line so lately is not tried: it runs. Watchers write every 50 ms.
const SILENT_US: u64 = 100_000;
/// How long a new attempt at a server that is known to be down is waited for, before it is down still.
const STILL_DOWN_US: u64 = 250_000;
/// Attempts that are remembered: the first one dates the state, and what it was that a late sign of life leaves.
const REMEMBERED: usize = 64;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The server's kernel accepts a connection.
    Knock,
    /// A process of it says something: a kernel accepts connections for processes that are frozen.
    Hear,
}

/// What was found by attempts since a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It answered an attempt of this kind.
    Answers(Attempt),
    /// Its watcher has written a line since.
    Heard,
    /// It has answered none for [`CONFIRMED_US`] or longer; why the last attempt failed.
    Silent { why: String },
    /// Nothing can be tried, and why; nothing is known of the server then.
    Untried { why: String },
}

#[derive(Debug)]
struct Unanswered {
    begun_us: u64,
    /// Whether an answer may still come.
    is_pending: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// When something last answered: at or after these moments.
    kernel_us: Option<u64>,
    process_us: Option<u64>,
    /// When its watcher wrote the last line.
    written_us: Option<u64>,
    unanswered: Vec<Unanswered>,
    /// What is tried now.
    attempt: Option<Attempt>,
    /// The last attempt that was begun, and the last that was answered.
    begun_us: Option<u64>,
    answered_us: Option<u64>,
    /// How long that one took.
    took_us: u64,
    /// Why the last one failed.
    why: Option<String>,
    untried: Option<(u64, String)>,
    is_down: bool,
    /// When it went down last, and when it came back from that.
    down: Option<Between>,
    back: Option<Between>,
}

impl Signs {
    /// What is tried from now on. An answer of a kernel says nothing of processes, so what was tried otherwise counts no more.
    pub fn is_tried_by(&mut self, attempt: Attempt) {
        if self.attempt.replace(attempt) != Some(attempt) {
            self.unanswered.clear();
            self.answered_us = None;
            self.is_down = false;
        }
    }

    /// When the next attempt may be begun: not while its watcher is heard. `None` while so many are pending that one of them has to
    /// end first.
    pub fn next_us(&self, at_once: usize) -> Option<u64> {
        let pending = self.unanswered.iter().filter(|one| one.is_pending).count();
        let spaced_us = self.begun_us.map_or(0, |begun_us| begun_us + EVERY_US);
        (pending < at_once).then(|| spaced_us.max(self.written_us.map_or(0, |written_us| written_us + SILENT_US)))
    }

    /// An attempt begins; of this kind.
    pub fn begin(&mut self, begun_us: u64) -> Attempt {
        self.begun_us = Some(begun_us);
        self.unanswered.push(Unanswered { begun_us, is_pending: true });
        if self.unanswered.len() > REMEMBERED {
            self.unanswered.remove(1);
        }
        *self.attempt.get_or_insert(Attempt::Knock)
    }

    /// The attempt that was begun then was answered by now.
    pub fn answered(&mut self, attempt: Attempt, begun_us: u64, now_us: u64) {
        let by = match attempt {
            Attempt::Knock => &mut self.kernel_us,
            Attempt::Hear => &mut self.process_us,
        };
        *by = (*by).max(Some(begun_us));
        if Some(attempt) != self.attempt {
            return;
        }
        self.took_us = now_us.saturating_sub(begun_us);
        self.answered_us = self.answered_us.max(Some(begun_us));
        if std::mem::replace(&mut self.is_down, false) {
            let overdue =
                |one: &&Unanswered| !one.is_pending || one.begun_us + EVERY_US.max(4 * self.took_us) <= now_us;
            let last = self.unanswered.iter().rev().filter(|one| one.begun_us < begun_us).find(overdue);
            self.back = last.map(|last| Between { since_us: last.begun_us, by_us: now_us });
        }
        self.unanswered.retain(|one| one.begun_us > now_us);
    }

    /// The attempt that was begun then will not be answered.
    pub fn failed(&mut self, begun_us: u64, why: String) {
        for one in self.unanswered.iter_mut().filter(|one| one.begun_us == begun_us) {
            one.is_pending = false;
        }
        self.why = Some(why);
    }

    /// The attempt that was begun then could not be made.
    pub fn untried(&mut self, begun_us: u64, why: String) {
        self.unanswered.retain(|one| one.begun_us != begun_us);
        self.untried = Some((begun_us, why));
    }

    /// Its watcher surely wrote a line at some moment between these two.
    pub fn heard(&mut self, at: Between) {
        self.written_us = self.written_us.max(Some(at.since_us));
        self.process_us = self.process_us.max(Some(at.since_us));
        if self.unanswered.first().is_some_and(|first| first.begun_us <= at.by_us) {
            self.is_down = false;
        }
        self.unanswered.retain(|one| one.begun_us > at.by_us);
    }

    /// What is known now by attempts that were begun at `since_us` or later; `None`: it is not decided yet.
    pub fn finding(&mut self, since_us: u64, now_us: u64) -> Option<Finding> {
        if let Some((_, why)) = self.untried.as_ref().filter(|(begun_us, _)| *begun_us >= since_us) {
            return Some(Finding::Untried { why: why.clone() });
        }
        if let Some(attempt) = self.attempt.filter(|_| self.answered_us >= Some(since_us)) {
            return Some(Finding::Answers(attempt));
        }
        if self.written_us >= Some(since_us) {
            return Some(Finding::Heard);
        }
        let first_us = self.unanswered.first().map(|first| first.begun_us);
        let is_down = first_us.is_some_and(|first_us| first_us + CONFIRMED_US <= now_us);
        let waited = |one: &Unanswered| !one.is_pending || one.begun_us + STILL_DOWN_US <= now_us;
        let tried = self.unanswered.iter().any(|one| one.begun_us >= since_us && waited(one));
        if is_down && tried {
            self.goes_down(now_us);
            let why = self.why.clone().unwrap_or_else(|| "no answer came in time".into());
            return Some(Finding::Silent { why });
        }
        None
    }

    /// When something may be decided that is not yet, though nothing is heard meanwhile.
    pub fn decides_us(&self, since_us: u64) -> u64 {
        let first_us = self.unanswered.first().map_or(since_us, |first| first.begun_us);
        let own_us = self.unanswered.iter().map(|one| one.begun_us).find(|begun_us| *begun_us >= since_us);
        (first_us + CONFIRMED_US).max(own_us.unwrap_or(since_us) + STILL_DOWN_US)
    }

    /// When it came to what was found, where that is known.
    pub fn changed(&self, finding: &Finding) -> Option<Between> {
        if matches!(finding, Finding::Silent { .. }) { self.down } else { self.back }
    }

    /// It went down between the last sign of life and the first attempt since that it would have answered by then.
    fn goes_down(&mut self, now_us: u64) {
        if std::mem::replace(&mut self.is_down, true) {
            return;
        }
        let by_us = (self.unanswered[0].begun_us + self.took_us).min(now_us);
        let alive_us = match self.attempt {
            Some(Attempt::Hear) => self.process_us,
            _ => self.process_us.max(self.kernel_us),
        };
        self.down = alive_us.map(|since_us| Between { since_us, by_us: by_us.max(since_us) });
        self.back = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1000;

    /// A server that answered a knock at 1 s, within 1 ms.
    fn answering() -> Signs {
        let mut signs = Signs::default();
        signs.is_tried_by(Attempt::Knock);
        signs.begin(1000 * MS);
        signs.answered(Attempt::Knock, 1000 * MS, 1001 * MS);
        signs
    }

    /// Attempts every 250 ms from here on, of which none is answered.
    fn knock_in_vain(signs: &mut Signs, from_ms: u64, to_ms: u64) {
        for at_ms in (from_ms..to_ms).step_by(250) {
            signs.begin(at_ms * MS);
        }
    }

    fn is_silent(signs: &mut Signs, since_ms: u64, now_ms: u64) -> bool {
        matches!(signs.finding(since_ms * MS, now_ms * MS), Some(Finding::Silent { .. }))
    }

    #[test]
    fn a_server_that_answers_nothing_for_2_s_is_down_since_its_first_unanswered_attempt() {
        let mut signs = answering();
        signs.heard(Between { since_us: 1150 * MS, by_us: 1152 * MS });
        knock_in_vain(&mut signs, 1250, 3250);
        assert_eq!(signs.finding(1250 * MS, 3249 * MS), None, "it may still answer");
        assert!(is_silent(&mut signs, 1250, 3250));
        // It would have answered within 1 ms.
        assert_eq!(signs.down, Some(Between { since_us: 1150 * MS, by_us: 1251 * MS }));
        knock_in_vain(&mut signs, 3250, 60_000);
        assert!(is_silent(&mut signs, 59_000, 60_000));
        assert_eq!(signs.down, Some(Between { since_us: 1150 * MS, by_us: 1251 * MS }), "as it was first seen");
    }

    #[test]
    fn a_server_that_answers_the_second_attempt_is_never_down() {
        let mut signs = answering();
        signs.begin(1250 * MS);
        signs.begin(1500 * MS);
        signs.answered(Attempt::Knock, 1500 * MS, 1501 * MS);
        signs.failed(1250 * MS, "timed out".into());
        assert_eq!(signs.finding(1250 * MS, 1501 * MS), Some(Finding::Answers(Attempt::Knock)));
        knock_in_vain(&mut signs, 1750, 3250);
        assert_eq!(signs.finding(1750 * MS, 3300 * MS), None, "2 s after the first, which does not count");
        assert_eq!(signs.down, None);
    }

    #[test]
    fn one_that_refuses_connections_is_down_no_sooner() {
        let mut signs = answering();
        for at_ms in (1250..3000).step_by(250) {
            signs.begin(at_ms * MS);
            signs.failed(at_ms * MS, "connection refused".into());
            assert_eq!(signs.finding(1250 * MS, at_ms * MS), None);
        }
        signs.begin(3250 * MS);
        signs.failed(3250 * MS, "connection refused".into());
        assert_eq!(signs.finding(3250 * MS, 3251 * MS), Some(Finding::Silent { why: "connection refused".into() }));
    }

    #[test]
    fn what_a_watcher_wrote_after_an_attempt_takes_that_attempt_back() {
        let mut signs = answering();
        signs.begin(1250 * MS);
        signs.begin(1500 * MS);
        signs.heard(Between { since_us: 1300 * MS, by_us: 1310 * MS });
        knock_in_vain(&mut signs, 1750, 3500);
        assert!(!is_silent(&mut signs, 1750, 3499) && is_silent(&mut signs, 1750, 3500));
        assert_eq!(signs.down, Some(Between { since_us: 1300 * MS, by_us: 1501 * MS }));
    }

    #[test]
    fn one_whose_watcher_is_heard_runs_and_is_not_tried() {
        let mut signs = answering();
        signs.heard(Between { since_us: 1500 * MS, by_us: 1501 * MS });
        assert_eq!(signs.next_us(4), Some(1600 * MS), "100 ms after it was heard last");
        assert_eq!(signs.finding(1500 * MS, 1510 * MS), Some(Finding::Heard));
        assert_eq!(signs.finding(1501 * MS, 1510 * MS), None, "a look that began later knows nothing yet");
        signs.begin(1600 * MS);
        signs.heard(Between { since_us: 1610 * MS, by_us: 1611 * MS });
        assert_eq!(signs.finding(1601 * MS, 9000 * MS), Some(Finding::Heard), "whatever becomes of the attempt");
        assert_eq!(signs.down, None);
    }

    #[test]
    fn a_frozen_server_is_dated_by_its_processes_and_not_by_its_kernel() {
        let mut signs = answering();
        signs.heard(Between { since_us: 1150 * MS, by_us: 1152 * MS });
        signs.begin(1250 * MS);
        signs.answered(Attempt::Knock, 1250 * MS, 1251 * MS);
        signs.begin(1500 * MS);
        signs.is_tried_by(Attempt::Hear);
        signs.answered(Attempt::Knock, 1500 * MS, 1501 * MS);
        knock_in_vain(&mut signs, 1750, 3750);
        assert!(is_silent(&mut signs, 1750, 3750));
        assert_eq!(signs.down, Some(Between { since_us: 1150 * MS, by_us: 1751 * MS }));
        signs.is_tried_by(Attempt::Knock);
        signs.begin(4000 * MS);
        signs.answered(Attempt::Knock, 4000 * MS, 4001 * MS);
        assert_eq!(
            signs.finding(4000 * MS, 4001 * MS),
            Some(Finding::Answers(Attempt::Knock)),
            "whatever it was, it is not down"
        );
    }

    #[test]
    fn one_that_comes_back_ran_no_sooner_than_the_last_attempt_that_failed() {
        let mut signs = answering();
        knock_in_vain(&mut signs, 1250, 4000);
        assert!(is_silent(&mut signs, 3500, 3900));
        signs.begin(4000 * MS);
        signs.answered(Attempt::Knock, 4000 * MS, 4002 * MS);
        assert_eq!(signs.back, Some(Between { since_us: 3750 * MS, by_us: 4002 * MS }));
        // Down once more: what was heard in its first life counts for nothing.
        knock_in_vain(&mut signs, 5000, 7000);
        assert!(is_silent(&mut signs, 5000, 7000));
        assert_eq!(signs.down, Some(Between { since_us: 4000 * MS, by_us: 5002 * MS }));
    }

    #[test]
    fn what_was_written_before_it_went_down_and_comes_late_does_not_revive_it() {
        let mut signs = answering();
        knock_in_vain(&mut signs, 1250, 3250);
        assert!(is_silent(&mut signs, 1250, 3250));
        signs.heard(Between { since_us: 1100 * MS, by_us: 1101 * MS });
        assert!(is_silent(&mut signs, 1250, 3250));
        // Only the path was cut: it wrote this while it was taken for down.
        signs.heard(Between { since_us: 3100 * MS, by_us: 3101 * MS });
        assert!(!is_silent(&mut signs, 1250, 3250));
        knock_in_vain(&mut signs, 3500, 5500);
        assert!(is_silent(&mut signs, 3500, 5500));
        assert_eq!(signs.down, Some(Between { since_us: 3100 * MS, by_us: 3501 * MS }), "down a second time");
    }

    #[test]
    fn where_nothing_was_ever_heard_a_state_has_no_date() {
        let mut signs = Signs::default();
        signs.is_tried_by(Attempt::Knock);
        knock_in_vain(&mut signs, 1000, 3000);
        assert!(is_silent(&mut signs, 1000, 3000));
        assert_eq!(signs.down, None);
    }

    #[test]
    fn attempts_are_spaced_and_few_are_pending_at_once() {
        let mut signs = answering();
        assert_eq!(signs.next_us(4), Some(1250 * MS));
        knock_in_vain(&mut signs, 1250, 2250);
        assert_eq!(signs.next_us(4), None);
        signs.failed(1250 * MS, "timed out".into());
        assert_eq!(signs.next_us(4), Some(2250 * MS));
    }

    #[test]
    fn a_jump_host_that_fails_says_nothing_of_the_server() {
        let mut signs = answering();
        signs.begin(1250 * MS);
        signs.untried(1250 * MS, "the jump host refuses".into());
        assert_eq!(signs.finding(1250 * MS, 9000 * MS), Some(Finding::Untried { why: "the jump host refuses".into() }));
        assert_eq!(signs.finding(1251 * MS, 9000 * MS), None);
    }
}
