//! The process that holds one strike: it injects when it is told, and heals when it is told, at its planned end, when its
//! lease is over, or when it is asked to end. It stamps when the effect came into force and when it ended, by the
//! victim's own clock. It goes when the victim is as it was; after a planned end it waits a while to be asked for its
//! stamps, since the path may have kept whoever wants them from asking before.
//!
//! Its life is independent of whoever armed it, and of what it does to the victim: a session of its own, nothing of
//! its parent's, the last that the kernel would kill for memory, and nothing to fork when the lease is over.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::driver::{DriverError, EffectDriver, driver_of};
use super::process::Identity;
use super::record::{Folder, Record, Stage};
use super::stamp::Within;
use super::{Order, StrikeId};
use crate::clock::{self, monotonic_us};

/// What a holder can be asked, a line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    Inject,
    Renew,
    Heal,
    /// How long it holds, in words.
    Status,
    /// What it stamped, as JSON.
    Report,
}

/// What it answers, in a line: words (to [`Ask::Heal`] and [`Ask::Report`] its stamps), or why not.
pub(super) type HolderAnswer = Result<String, String>;

/// A heal that failed is tried again this often, until it does not.
const AGAIN: Duration = Duration::from_millis(500);
/// The lease is looked at this often at least: a wait does not count the time that a machine is suspended.
const LOOK: Duration = Duration::from_secs(1);
/// An effect that is not seen yet is looked for this often, and so long.
const SEEN_AGAIN: Duration = Duration::from_millis(20);
const SEEN_WITHIN: Duration = Duration::from_secs(5);
/// After its planned end it waits so long to be asked for its stamps, or for what is left of its lease.
const TO_BE_READ: Duration = Duration::from_secs(3);
/// How long somebody may take to say what they want.
const LISTEN: Duration = Duration::from_secs(2);

/// Lives as the holder of this strike, whose record says what to do.
///
/// # Errors
/// When the way was not clear; whoever arms is told too.
pub(super) fn hold(id: &StrikeId) -> Result<(), DriverError> {
    let folder = Folder::of(id);
    let mut teller = UnixStream::connect(folder.arming()).map_err(DriverError::at("reporting that it starts"))?;
    let armed = settle().map_err(DriverError::at("settling")).and_then(|signals| LeaseHolder::arm(&folder, signals));
    let holder = match armed {
        Ok(holder) => holder,
        Err(refused) => {
            // Before it is told: who hears of it may arm again, in a folder of the same name.
            let cleared = folder.clear().map_err(DriverError::at("removing its folder"));
            let told = tell(&mut teller, &HolderAnswer::Err(refused.to_string()));
            told.map_err(DriverError::at("reporting why it is not armed"))?;
            return cleared.and(Err(refused));
        }
    };
    let heard = tell(&mut teller, &HolderAnswer::Ok(String::new()));
    drop(teller);
    match heard {
        Ok(()) => holder.live(),
        Err(unheard) => {
            let removed = folder.remove().map_err(DriverError::at("removing its folder"));
            removed.and(Err(DriverError::at("reporting that it is armed")(unheard)))
        }
    }
}

/// Makes this process one that outlives whoever started it and what it will do.
pub(super) fn settle() -> io::Result<SignalFd> {
    nix::unistd::chdir("/")?;
    // Not every kernel lets a namespace's root do this.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    // Pages are locked as they are touched: the program is large and hardly any of it is needed.
    // SAFETY: takes a number only; where it is refused, the holder is as good as any process.
    let _ = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) };
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn)? };
    let mut ending = SigSet::empty();
    ending.add(Signal::SIGTERM);
    ending.add(Signal::SIGINT);
    ending.thread_block()?;
    Ok(SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

struct LeaseHolder {
    folder: Folder,
    record: Record,
    driver: Box<dyn EffectDriver>,
    listener: UnixListener,
    signals: SignalFd,
    /// When the lease is over, and when the next heal is tried from then on.
    over: Duration,
    /// When what was asked for in the background is injected.
    due: Option<Duration>,
    /// What was injected and is not seen yet.
    unseen: Option<Unseen>,
    /// When it ends as planned.
    ends: Option<Duration>,
    /// Whether it heals, and so can't be renewed any more.
    ending: bool,
}

/// An effect that was injected and not seen in force yet.
#[derive(Debug, Clone, Copy)]
struct Unseen {
    /// Just before it was injected, by the clock of the stamps.
    injected_us: u64,
    /// When it is looked for again, and until when.
    again: Duration,
    until: Duration,
}

impl LeaseHolder {
    fn arm(folder: &Folder, signals: SignalFd) -> Result<LeaseHolder, DriverError> {
        let mut record = folder.read().map_err(DriverError::at("reading its record"))?;
        let over = end_of_lease(&record.order);
        let mut driver = driver_of(&record.order);
        record.undo_state = driver.arm()?;
        (record.stage, record.holder) = (Stage::Armed, Identity::own());
        folder.write(&record).map_err(DriverError::at("writing its record"))?;
        let listener = UnixListener::bind(folder.socket()).map_err(DriverError::at("listening"))?;
        Ok(LeaseHolder {
            folder: folder.clone(),
            record,
            driver,
            listener,
            signals,
            over,
            due: None,
            unseen: None,
            ends: None,
            ending: false,
        })
    }

    fn live(mut self) -> Result<(), DriverError> {
        loop {
            self.act();
            if self.over <= now() {
                match self.heal() {
                    Ok(()) => return self.leave(),
                    Err(why) => (self.over, self.record.stamps.trouble) = (now() + AGAIN, Some(why.to_string())),
                }
            }
            let [asked, told_to_end] = self.wait(self.next().saturating_sub(now()).min(LOOK))?;
            if told_to_end {
                while let Ok(Some(_)) = self.signals.read_signal() {}
                self.over = now();
            }
            if asked && self.serve() {
                return Ok(());
            }
        }
    }

    /// Does what has come due.
    fn act(&mut self) {
        if self.due.is_some_and(|due| due <= now()) {
            self.due = None;
            if let Err(why) = self.inject() {
                self.record.stamps.trouble = Some(why.to_string());
            }
        }
        if self.unseen.is_some_and(|unseen| unseen.again <= now()) {
            self.look();
        }
        if self.ends.is_some_and(|ends| ends <= now()) {
            self.end();
        }
    }

    /// When something comes due next.
    fn next(&self) -> Duration {
        let all = [Some(self.over), self.due, self.ends, self.unseen.map(|unseen| unseen.again)];
        all.into_iter().flatten().min().unwrap_or(self.over)
    }

    fn wait(&self, longest: Duration) -> Result<[bool; 2], DriverError> {
        let mut watched = [
            PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, PollTimeout::try_from(longest.as_millis() + 1).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(watched.map(|fd| fd.any().unwrap_or(true))),
            Err(errno) => Err(DriverError::at("waiting")(errno.into())),
        }
    }

    /// Answers one question; says whether it was the last. One who hung up needs no answer.
    fn serve(&mut self) -> bool {
        let Ok((mut stream, _)) = self.listener.accept() else { return false };
        let Ok(ask) = heard::<Ask>(&stream, LISTEN) else { return false };
        let answer = self.answer(ask);
        let last = ask == Ask::Heal && answer.is_ok() && !self.record.order.heals_nothing;
        let _ = tell(&mut stream, &answer);
        last
    }

    fn answer(&mut self, ask: Ask) -> HolderAnswer {
        let said = |done: Result<(), DriverError>| done.map(|()| String::new()).map_err(|why| why.to_string());
        match ask {
            Ask::Inject | Ask::Renew if self.ending => Err("its lease is over, and it is being healed".into()),
            Ask::Renew if self.record.stage == Stage::Ended => Err("it came to its planned end".into()),
            Ask::Inject if self.record.stage >= Stage::Injecting || self.due.is_some() => {
                Err("it was injected already".into())
            }
            Ask::Inject => match self.record.order.effect.made_after() {
                Duration::ZERO => said(self.inject()),
                after => {
                    self.due = Some(now().saturating_add(after));
                    Ok(String::new())
                }
            },
            Ask::Renew => {
                self.over = end_of_lease(&self.record.order);
                Ok(String::new())
            }
            Ask::Heal if self.record.order.heals_nothing => Ok(self.report()),
            Ask::Heal => match self.heal().and_then(|()| self.leave()) {
                Ok(()) => Ok(self.report()),
                Err(why) => {
                    self.over = now() + AGAIN;
                    Err(why.to_string())
                }
            },
            Ask::Status => Ok(self.status()),
            Ask::Report => Ok(self.report()),
        }
    }

    fn report(&self) -> String {
        serde_json::to_string(&self.record.stamps).expect("stamps are plain data")
    }

    fn status(&self) -> String {
        let left = self.over.saturating_sub(now()).as_secs_f64();
        let trouble = self.record.stamps.trouble.as_ref().map_or(String::new(), |why| format!(": {why}"));
        format!("held by pid {} there for another {left:.1} s{trouble}", std::process::id())
    }

    /// The record says that something may have been touched before anything is.
    fn inject(&mut self) -> Result<(), DriverError> {
        self.record.stage = Stage::Injecting;
        self.folder.write(&self.record).map_err(DriverError::at("writing its record"))?;
        let injected_us = monotonic_us();
        let injected = self.driver.inject();
        self.plan_end();
        // It is looked for at once, but after the answer: whoever asked need not wait for that.
        self.unseen = Some(Unseen { injected_us, again: now(), until: now() + SEEN_WITHIN });
        injected
    }

    /// Stamps the onset when the effect is seen: the planned end counts from then.
    fn look(&mut self) {
        let Some(unseen) = &mut self.unseen else { return };
        let seen = self.driver.observe(Some(&self.record.undo_state));
        match seen {
            Ok(seen) if seen.in_force => {
                let onset = Within { not_before_us: unseen.injected_us, by_us: monotonic_us() };
                (self.unseen, self.record.stamps.onset) = (None, Some(onset));
                self.plan_end();
                self.keep();
            }
            Ok(_) | Err(_) if now() >= unseen.until => self.unseen = None,
            Ok(_) => unseen.again = now() + SEEN_AGAIN,
            Err(why) => (unseen.again, self.record.stamps.trouble) = (now() + SEEN_AGAIN, Some(why.to_string())),
        }
    }

    fn plan_end(&mut self) {
        let share = if self.record.order.ends_early { 2 } else { 1 };
        self.ends = self.record.order.lasts.map(|lasts| now().saturating_add(lasts / share));
    }

    /// Its planned end. What it stamped stays for a while.
    fn end(&mut self) {
        self.ends = None;
        if self.record.order.heals_nothing {
            let now_us = monotonic_us();
            self.record.stamps.ended = Some(Within { not_before_us: now_us, by_us: now_us });
            return;
        }
        match self.heal() {
            Ok(()) => {
                self.ending = false;
                self.over = self.over.max(now() + TO_BE_READ);
                self.keep();
            }
            Err(why) => (self.ends, self.record.stamps.trouble) = (Some(now() + AGAIN), Some(why.to_string())),
        }
    }

    /// Heals and stamps the end; nothing to do once it was.
    fn heal(&mut self) -> Result<(), DriverError> {
        (self.due, self.ending) = (None, true);
        if self.record.stage == Stage::Ended {
            return Ok(());
        }
        let not_before_us = monotonic_us();
        undo(&mut *self.driver, &self.record)?;
        if self.record.stage == Stage::Injecting {
            let ended = Within { not_before_us, by_us: monotonic_us() };
            self.record.stamps.ended = Some(self.claimed(ended));
        }
        (self.unseen, self.ends, self.record.stage) = (None, None, Stage::Ended);
        Ok(())
    }

    /// The end as it was; or the planned one, where it is to lie.
    fn claimed(&self, ended: Within) -> Within {
        match (self.record.order.ends_early, self.record.stamps.onset, self.record.order.lasts) {
            (true, Some(onset), Some(lasts)) => {
                let planned_us = onset.by_us + clock::micros(lasts);
                Within { not_before_us: planned_us, by_us: planned_us }
            }
            _ => ended,
        }
    }

    /// Writes the stamps to the record, where the disk takes them: the holder answers from memory.
    fn keep(&mut self) {
        if let Err(why) = self.folder.write(&self.record) {
            self.record.stamps.trouble = Some(format!("writing its record: {why}"));
        }
    }

    fn leave(&self) -> Result<(), DriverError> {
        self.folder.remove().map_err(DriverError::at("removing its folder"))
    }
}

/// Undoes what a record says and looks whether it is undone: what a program returned is not believed.
///
/// # Errors
/// When the effect, or a part of it, is in force still.
pub(super) fn undo(driver: &mut dyn EffectDriver, record: &Record) -> Result<(), DriverError> {
    if record.stage != Stage::Injecting {
        return Ok(());
    }
    driver.heal(&record.undo_state)?;
    let seen = driver.observe(Some(&record.undo_state))?;
    if seen.in_force { Err(DriverError::Left { what: seen.evidence }) } else { Ok(()) }
}

/// When the lease is over that runs from now.
fn end_of_lease(order: &Order) -> Duration {
    if order.heals_nothing { Duration::MAX } else { now().saturating_add(order.lease) }
}

/// From the boot of the machine, suspended or not; nobody can set it.
pub(super) fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).expect("every Linux has this clock").into()
}

/// Asks the holder of a strike; `None` when nobody listens, or nobody answered in time.
pub(super) fn ask(folder: &Folder, ask: Ask, patience: Duration) -> Option<HolderAnswer> {
    let mut stream = UnixStream::connect(folder.socket()).ok()?;
    tell(&mut stream, &ask).ok()?;
    heard(&stream, patience).ok()
}

/// Says one thing, as a line.
pub(super) fn tell(stream: &mut UnixStream, what: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Hears one thing. `UnexpectedEof` when they hung up.
pub(super) fn heard<T: serde::de::DeserializeOwned>(stream: &UnixStream, patience: Duration) -> io::Result<T> {
    stream.set_read_timeout(Some(patience))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}
