//! The process that holds one strike: it injects when it is told, and heals when it is told, when its lease is over,
//! or when it is asked to end. It goes when the victim is as it was.
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

use super::effect::Effect;
use super::grip::{Grip, GripError, grip};
use super::process::Identity;
use super::record::{Folder, Record, Stage};
use super::{Order, StrikeId};

/// What a holder can be asked, a line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    Inject,
    Renew,
    Heal,
    /// How long it holds, in words.
    Status,
}

/// What it answers, in a line: words, or why not.
pub(super) type Answer = Result<String, String>;

/// A heal that failed is tried again this often, until it does not.
const AGAIN: Duration = Duration::from_millis(500);
/// The lease is looked at this often at least: a wait does not count the time that a machine is suspended.
const LOOK: Duration = Duration::from_secs(1);
/// How long somebody may take to say what they want.
const LISTEN: Duration = Duration::from_secs(2);

/// Lives as the holder of this strike, whose record says what to do.
///
/// # Errors
/// When the way was not clear; whoever arms is told too.
pub(super) fn hold(id: &StrikeId) -> Result<(), GripError> {
    let folder = Folder::of(id);
    let mut teller = UnixStream::connect(folder.arming()).map_err(GripError::at("telling that it starts"))?;
    let armed = settle().map_err(GripError::at("settling")).and_then(|signals| Holder::arm(&folder, signals));
    let holder = match armed {
        Ok(holder) => holder,
        Err(refused) => {
            // Before it is told: who hears of it may arm again, in a folder of the same name.
            let cleared = folder.clear().map_err(GripError::at("removing its folder"));
            let told = tell(&mut teller, &Answer::Err(refused.to_string()));
            told.map_err(GripError::at("telling why it is not armed"))?;
            return cleared.and(Err(refused));
        }
    };
    let heard = tell(&mut teller, &Answer::Ok(String::new()));
    drop(teller);
    match heard {
        Ok(()) => holder.live(),
        Err(nobody) => {
            let removed = folder.remove().map_err(GripError::at("removing its folder"));
            removed.and(Err(GripError::at("telling that it is armed")(nobody)))
        }
    }
}

/// Makes this process one that outlives whoever started it and what it will do.
fn settle() -> io::Result<SignalFd> {
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

struct Holder {
    folder: Folder,
    record: Record,
    grip: Box<dyn Grip>,
    listener: UnixListener,
    signals: SignalFd,
    /// When the lease is over, and when the next heal is tried from then on.
    over: Duration,
    /// When what was asked for in the background is injected.
    due: Option<Duration>,
    /// Whether it heals, and so can't be renewed any more.
    ending: bool,
    /// What went wrong when nobody was there to be told.
    trouble: Option<String>,
}

impl Holder {
    fn arm(folder: &Folder, signals: SignalFd) -> Result<Holder, GripError> {
        let mut record = folder.read().map_err(GripError::at("reading its record"))?;
        let over = end_of_lease(&record.order);
        let mut grip = grip(&record.order);
        record.memo = grip.arm()?;
        (record.stage, record.holder) = (Stage::Armed, Identity::own());
        folder.write(&record).map_err(GripError::at("writing its record"))?;
        let listener = UnixListener::bind(folder.socket()).map_err(GripError::at("listening"))?;
        Ok(Holder {
            folder: folder.clone(),
            record,
            grip,
            listener,
            signals,
            over,
            due: None,
            ending: false,
            trouble: None,
        })
    }

    fn live(mut self) -> Result<(), GripError> {
        loop {
            if self.due.is_some_and(|due| due <= now()) {
                self.due = None;
                self.trouble = self.inject().err().map(|why| why.to_string());
            }
            if self.over <= now() {
                match self.heal() {
                    Ok(()) => return Ok(()),
                    Err(why) => (self.over, self.trouble) = (now() + AGAIN, Some(why.to_string())),
                }
            }
            let until = self.due.map_or(self.over, |due| due.min(self.over));
            let [asked, told_to_end] = self.wait(until.saturating_sub(now()).min(LOOK))?;
            if told_to_end {
                while let Ok(Some(_)) = self.signals.read_signal() {}
                self.over = now();
            }
            if asked && self.serve() {
                return Ok(());
            }
        }
    }

    fn wait(&self, longest: Duration) -> Result<[bool; 2], GripError> {
        let mut watched = [
            PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, PollTimeout::try_from(longest.as_millis() + 1).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(watched.map(|fd| fd.any().unwrap_or(true))),
            Err(errno) => Err(GripError::at("waiting")(errno.into())),
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

    fn answer(&mut self, ask: Ask) -> Answer {
        let said = |done: Result<(), GripError>| done.map(|()| String::new()).map_err(|why| why.to_string());
        match ask {
            Ask::Inject | Ask::Renew if self.ending => Err("its lease is over, and it is being healed".into()),
            Ask::Inject if self.record.stage == Stage::Injecting || self.due.is_some() => {
                Err("it was injected already".into())
            }
            Ask::Inject => match delay(&self.record.order) {
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
            Ask::Heal if self.record.order.heals_nothing => Ok(String::new()),
            Ask::Heal => {
                let healed = said(self.heal());
                if healed.is_err() {
                    self.over = now() + AGAIN;
                }
                healed
            }
            Ask::Status => Ok(self.status()),
        }
    }

    fn status(&self) -> String {
        let left = self.over.saturating_sub(now()).as_secs_f64();
        let trouble = self.trouble.as_ref().map_or(String::new(), |why| format!(": {why}"));
        format!("held by pid {} for another {left:.1} s{trouble}", std::process::id())
    }

    /// The record says that something may have been touched before anything is.
    fn inject(&mut self) -> Result<(), GripError> {
        self.record.stage = Stage::Injecting;
        self.folder.write(&self.record).map_err(GripError::at("writing its record"))?;
        self.grip.inject()
    }

    fn heal(&mut self) -> Result<(), GripError> {
        (self.due, self.ending) = (None, true);
        undo(&mut *self.grip, &self.record)?;
        self.folder.remove().map_err(GripError::at("removing its folder"))
    }
}

/// Undoes what a record says and looks whether it is undone: what a program returned is not believed.
///
/// # Errors
/// When the effect, or a part of it, is in force still.
pub(super) fn undo(grip: &mut dyn Grip, record: &Record) -> Result<(), GripError> {
    if record.stage < Stage::Injecting {
        return Ok(());
    }
    grip.heal(&record.memo)?;
    let seen = grip.observe(Some(&record.memo))?;
    if seen.in_force { Err(GripError::Left { what: seen.evidence }) } else { Ok(()) }
}

/// How long after it was asked for the effect is made, so that whoever asks can hang up first.
fn delay(order: &Order) -> Duration {
    match order.effect {
        Effect::Policies { after } => after,
        _ => Duration::ZERO,
    }
}

/// When the lease is over that runs from now.
fn end_of_lease(order: &Order) -> Duration {
    if order.heals_nothing { Duration::MAX } else { now().saturating_add(order.lease) }
}

/// From the boot of the machine, suspended or not; nobody can set it.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).expect("every Linux has this clock").into()
}

/// Asks the holder of a strike; `None` when nobody listens, or nobody answered in time.
pub(super) fn ask(folder: &Folder, ask: Ask, patience: Duration) -> Option<Answer> {
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
