//! What an agent can be asked on its command line, and how it answers: one line of JSON, or an error and a status.

use std::io;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Serialize;

use super::driver::{self, DriverError, TRACES, driver_of};
use super::follow::follower;
use super::lease_holder::{self, Ask, HolderAnswer};
use super::record::{self, Folder, Record, Stage};
use super::stamp::{Account, Stamps, Within};
use super::watch::watcher;
use super::{Held, Observation, Order, StrikeId, caretaker, detach, serve};
use crate::clock;
use crate::launch::SERVE;

/// How long a holder may take to arm.
const ARM: Duration = Duration::from_secs(10);
/// How long it may take to inject or heal.
const ACT: Duration = Duration::from_secs(14);
/// How long it may take to say how it is, before it counts as hung.
const STATUS: Duration = Duration::from_secs(2);

/// Why an agent did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum VerbError {
    #[error("{asked} things are too many to watch or follow: {most} at most")]
    TooMuch { asked: usize, most: usize },
    #[error("{0:?} is not a command of an agent")]
    Verb(Vec<String>),
    #[error("the order can't be read: {0}")]
    Order(#[from] serde_json::Error),
    #[error(transparent)]
    Id(#[from] super::BadId),
    #[error("strike `{}` is held here already", .0.0)]
    Twice(StrikeId),
    #[error("it would fight with strike `{}`, which holds the same kind of effect here", .0.0)]
    Fights(StrikeId),
    #[error("strike `{}` is not held here: it was never armed, was healed, or its lease is over", .0.0)]
    NotHeld(StrikeId),
    #[error("{0}")]
    LeaseHolder(String),
    #[error(transparent)]
    Caretaker(#[from] caretaker::CaretakerError),
    #[error("{action}: {source}")]
    System { action: &'static str, source: io::Error },
    #[error(transparent)]
    EffectDriver(#[from] DriverError),
}

fn at(action: &'static str) -> impl Fn(io::Error) -> VerbError {
    move |source| VerbError::System { action, source }
}

/// Does what the words after [`ASKED`] say and returns the answer, a line of JSON; empty for a process that is not
/// asked but started.
pub(super) fn obey(words: &[String]) -> Result<String, VerbError> {
    let listed: Vec<&str> = words.iter().map(String::as_str).collect();
    match listed.as_slice() {
        [SERVE] => Ok(serve::serve().map(|()| String::new()).map_err(at("answering requests"))?),
        ["watch", order] => Ok(watcher::watch(serde_json::from_str(order)?).map(|()| String::new())?),
        ["follow", order] => Ok(follower::follow(serde_json::from_str(order)?).map(|()| String::new())?),
        ["keep", user, lease] => Ok(caretaker::keep(user, lease).map(|()| String::new())?),
        ["hold", id] => Ok(lease_holder::hold(&StrikeId::parse(id)?).map(|()| String::new())?),
        ["burn", kind, id, amount] => Ok(driver::burn(kind, &StrikeId::parse(id)?, amount).map(|()| String::new())?),
        _ => answer(words),
    }
}

/// Does what can be done at once, and returns the answer, a line of JSON.
pub(super) fn answer(words: &[String]) -> Result<String, VerbError> {
    let listed: Vec<&str> = words.iter().map(String::as_str).collect();
    match listed.as_slice() {
        ["version"] => json(&super::version()),
        ["arm", order] => json(&arm(&read(order)?)?),
        ["observe", order] => json(&observe(&read(order)?)?),
        ["report", order] => json(&report(&read(order)?)?),
        ["clock"] => json(&clock::monotonic_us()),
        ["inject", id] => json(&tell_holder(&StrikeId::parse(id)?, Ask::Inject)?),
        ["renew", id] => json(&tell_holder(&StrikeId::parse(id)?, Ask::Renew)?),
        ["heal", id] => json(&heal(&StrikeId::parse(id)?)?),
        ["held"] => json(&held()?),
        ["stay", user, lease] => json(&caretaker::stay(user, lease)?),
        ["leave", user] => json(&caretaker::leave(user)?),
        ["sha256"] => json(&caretaker::sha256()?),
        _ => Err(VerbError::Verb(words.to_vec())),
    }
}

fn json(answer: &impl Serialize) -> Result<String, VerbError> {
    Ok(serde_json::to_string(answer)?)
}

fn read(order: &str) -> Result<Order, VerbError> {
    let order: Order = serde_json::from_str(order)?;
    StrikeId::parse(&order.id.0)?;
    Ok(order)
}

fn arm(order: &Order) -> Result<(), VerbError> {
    let lock = record::lock().map_err(at("locking the folder of strikes"))?;
    let folder = Folder::of(&order.id);
    for id in record::all() {
        let fights = |record: &Record| driver::fight(&order.effect, &record.order.effect);
        match Folder::of(&id).read() {
            _ if id == order.id => return Err(VerbError::Twice(id)),
            Ok(record) if record.stage < Stage::Ended && fights(&record) => return Err(VerbError::Fights(id)),
            _ => {}
        }
    }
    folder.create().map_err(at("making its folder"))?;
    let record = Record {
        order: order.clone(),
        stage: Stage::Arming,
        undo_state: serde_json::Value::Null,
        holder: None,
        stamps: Stamps::default(),
    };
    let armed = folder.write(&record).map_err(at("writing its record")).and_then(|()| start_holder(&order.id, &folder));
    if armed.is_err() {
        // While nobody else may arm: the next strike of this id makes a folder of the same name.
        let cleared = folder.clear();
        drop(lock);
        folder.remove_folder_of_all();
        cleared.map_err(at("removing its folder"))?;
    }
    armed
}

/// Starts the holder and waits for its word.
fn start_holder(id: &StrikeId, folder: &Folder) -> Result<(), VerbError> {
    let listener = UnixListener::bind(folder.arming()).map_err(at("listening for the holder"))?;
    let begun = Instant::now();
    detach::start(&id.0, &["hold", &id.0]).map_err(at("starting the holder"))?;
    let mut watched = [PollFd::new(std::os::fd::AsFd::as_fd(&listener), PollFlags::POLLIN)];
    let heard = match poll(&mut watched, PollTimeout::try_from(ARM.as_millis()).unwrap_or(PollTimeout::MAX)) {
        Ok(1) => listener
            .accept()
            .and_then(|(stream, _)| lease_holder::heard::<HolderAnswer>(&stream, ARM.saturating_sub(begun.elapsed()))),
        Ok(_) => Err(io::ErrorKind::TimedOut.into()),
        Err(errno) => Err(errno.into()),
    };
    let _ = std::fs::remove_file(folder.arming());
    heard.map_err(at("waiting for the holder's answer"))?.map(drop).map_err(VerbError::LeaseHolder)
}

fn tell_holder(id: &StrikeId, ask: Ask) -> Result<(), VerbError> {
    match lease_holder::ask(&Folder::of(id), ask, ACT) {
        Some(answer) => answer.map(drop).map_err(VerbError::LeaseHolder),
        None => Err(VerbError::NotHeld(id.clone())),
    }
}

/// By its holder, if it is well; else from its record; else whatever carries its id. Answers what was stamped, where
/// anything was held.
fn heal(id: &StrikeId) -> Result<Option<Stamps>, VerbError> {
    let folder = Folder::of(id);
    if lease_holder::ask(&folder, Ask::Status, STATUS).is_some()
        && let Some(answer) = lease_holder::ask(&folder, Ask::Heal, ACT)
    {
        return Ok(Some(serde_json::from_str(&answer.map_err(VerbError::LeaseHolder)?)?));
    }
    let (recorded, stamps) = match folder.read() {
        Ok(record) => (heal_from(&record), Some(record.stamps)),
        // Its holder healed it meanwhile, or it never was; what is no record can't tell more than its traces.
        Err(_) => (Ok(()), None),
    };
    let swept = TRACES.iter().map(|trace| (trace.sweep)(id)).fold(Ok(()), Result::and);
    recorded?;
    swept?;
    folder.remove().map_err(at("removing its folder"))?;
    Ok(stamps)
}

fn heal_from(record: &Record) -> Result<(), VerbError> {
    if let Some(holder) = record.holder.filter(|holder| holder.find().is_some()) {
        // One that lives and does not answer, with what it has started: half of it may not come about later.
        let killed = killpg(Pid::from_raw(holder.pid), Signal::SIGKILL);
        killed.map_err(|errno| at("ending a holder that hangs")(errno.into()))?;
    }
    Ok(lease_holder::undo(&mut *driver_of(&record.order), record)?)
}

fn observe(order: &Order) -> Result<Observation, VerbError> {
    let record = Folder::of(&order.id).read().ok().filter(|record| record.stage > Stage::Arming);
    Ok(driver_of(order).observe(record.as_ref().map(|record| &record.undo_state))?)
}

/// What its holder stamped, and a look of this process's own: in this order, so that what is not in force when the look
/// is taken may have ended since, and what ended is not in force.
fn report(order: &Order) -> Result<Account, VerbError> {
    let folder = Folder::of(&order.id);
    let stamps = match lease_holder::ask(&folder, Ask::Report, STATUS) {
        Some(answer) => Some(serde_json::from_str(&answer.map_err(VerbError::LeaseHolder)?)?),
        None => folder.read().ok().map(|record| record.stamps),
    };
    let not_before_us = clock::monotonic_us();
    let seen = observe(order)?;
    Ok(Account { stamps, seen, looked: Within { not_before_us, by_us: clock::monotonic_us() } })
}

fn held() -> Result<Vec<Held>, VerbError> {
    let mut held: Vec<Held> = record::all().into_iter().filter_map(held_by_record).collect();
    for trace in TRACES {
        for (id, evidence) in (trace.find)()? {
            if !held.iter().any(|held| held.id == id && held.order.is_some()) {
                held.push(Held { order: None, id, evidence });
            }
        }
    }
    Ok(held)
}

/// `None` for one that was healed while we looked, and for one that ended as planned and only waits to be read.
fn held_by_record(id: StrikeId) -> Option<Held> {
    let folder = Folder::of(&id);
    let record = folder.read().ok();
    let lives = |record: &Record| record.holder.is_some_and(|holder| holder.find().is_some());
    if record.as_ref().is_some_and(|record| record.stage == Stage::Ended && lives(record)) {
        return None;
    }
    let evidence = match (lease_holder::ask(&folder, Ask::Status, STATUS), &record) {
        (Some(Ok(status) | Err(status)), _) => status,
        (None, Some(record)) => match record.holder.filter(|holder| holder.find().is_some()) {
            Some(holder) => format!("a record whose holder, pid {}, does not answer", holder.pid),
            None => "a record without a holder".to_string(),
        },
        (None, None) => "a folder without a record".to_string(),
    };
    folder.exists().then_some(Held { order: record.map(|record| record.order), id, evidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_refused_by_every_verb_before_anything_is_done() {
        let order = r#"{"id":"../a","effect":{"drop_from":{"peers":[]}},"lease":"1s","address":"198.18.0.2"}"#;
        for words in
            [["inject", "../a"], ["renew", "-a"], ["heal", ""], ["hold", "A"], ["arm", order], ["observe", order]]
        {
            let refused = obey(&words.map(str::to_string)).unwrap_err();
            assert!(matches!(refused, VerbError::Id(_)), "{words:?}: {refused}");
        }
        assert!(matches!(obey(&["explode".to_string()]), Err(VerbError::Verb(_))));
        assert!(matches!(obey(&["arm".to_string(), "{}".to_string()]), Err(VerbError::Order(_))));
    }
}
