//! How effects are made, seen and undone: one file an effect, one row of [`driver_of`] each.

use std::io;
use std::net::Ipv4Addr;

use serde_json::Value;

use super::effect::Effect;
use super::queue::Shaping;
use super::{Observation, Order, StrikeId, contained};

mod burner;
mod command;
mod cpu;
mod disk;
mod drop_all;
mod drop_from;
mod each_interface;
mod memory;
mod port;
mod rate;
mod shape;
mod stop_process;

use each_interface::EachInterface;

/// How one effect is made and undone on the victim; made from its order alone.
pub(super) trait EffectDriver: Send {
    /// Whether the way is clear; touches nothing, but prepares what healing needs, so that nothing must be forked
    /// then. What must be known to heal without this process (policies as they were, processes with their start) is
    /// returned: it goes to the record on disk before anything is touched.
    fn arm(&mut self) -> Result<Value, DriverError>;
    /// Makes it; once.
    fn inject(&mut self) -> Result<(), DriverError>;
    /// Undoes it: idempotent, tries everything, touches only what carries the strike's id, or puts back `undo_state`. Works
    /// in a process that never armed it, for the holder may be dead: then `undo_state` comes from the record.
    fn heal(&mut self, undo_state: &Value) -> Result<(), DriverError>;
    /// Looks at the kernel's own state now (rules, qdiscs, `/proc`), never at what this process remembers. Needs no
    /// holder; without a record there is no `undo_state`.
    fn observe(&self, undo_state: Option<&Value>) -> Result<Observation, DriverError>;
}

/// Something of a strike, and what it is, in words.
pub(super) type Left = (StrikeId, String);

/// Finds what is left of strikes whose record is gone.
pub(super) struct Trace {
    /// All there are, of every strike, in words.
    pub find: fn() -> Result<Vec<Left>, DriverError>,
    /// Removes those of one strike; nothing to do where there are none.
    pub sweep: fn(&StrikeId) -> Result<(), DriverError>,
}

/// Every kind of trace.
pub(super) const TRACES: &[Trace] = &[super::iptables::TRACE, super::tc::TRACE, burner::TRACE, disk::TRACE];

/// Why an effect could not be made, seen or undone.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The kernel refused, or a program could not be run.
    #[error("{action}: {source}")]
    System { action: String, source: io::Error },
    /// A program said no.
    #[error("`{command}` ended with {status}: {stderr}")]
    Command { command: String, status: String, stderr: String },
    /// The victim is not as it must be for this.
    #[error("{what} is {found}: expected {expected}")]
    Unfit { what: String, found: String, expected: String },
    /// This victim's kernel or programs lack something.
    #[error("{effect} is not available here: {lacks}")]
    Unavailable { effect: &'static str, lacks: String },
    /// Something is there still, after everything was tried.
    #[error("still there: {what}")]
    Left { what: String },
    /// The record does not say what healing needs.
    #[error("the record of {effect} can't be read: {source}")]
    UndoState { effect: &'static str, source: serde_json::Error },
}

impl DriverError {
    /// Says what was being done.
    pub(super) fn at(action: &str) -> impl Fn(io::Error) -> DriverError {
        let action = action.to_string();
        move |source| DriverError::System { action: action.clone(), source }
    }
}

/// The table.
pub(super) fn driver_of(order: &Order) -> Box<dyn EffectDriver> {
    let id = &order.id;
    match &order.effect {
        Effect::DropAll { .. } => Box::new(drop_all::DropAll::default()),
        Effect::DropFrom { peers } => Box::new(drop_from::DropFrom::new(id, peers)),
        Effect::Port { port, reject } => Box::new(port::Port::new(id, *port, *reject)),
        Effect::Shape { delay, jitter, loss_pct } => {
            let shaping = Shaping { delay: *delay, jitter: *jitter, loss: loss_pct / 100.0 };
            let id = id.clone();
            on_interfaces(order, move |address, n| Box::new(shape::Shape::nth(&id, address, shaping, n)))
        }
        Effect::Rate { bits_per_s } => {
            let (id, bits_per_s) = (id.clone(), *bits_per_s);
            on_interfaces(order, move |address, _| Box::new(rate::Rate::new(&id, address, bits_per_s)))
        }
        Effect::StopProcess { process } => Box::new(stop_process::StopProcess::new(process)),
        Effect::Cpu { percent } => Box::new(cpu::Cpu::new(id, *percent)),
        Effect::Memory { percent } => Box::new(memory::Memory::new(id, *percent)),
        Effect::Disk { percent } => Box::new(disk::Disk::new(id, *percent)),
        Effect::Command(commands) => Box::new(command::Command::new(commands)),
    }
}

/// On the interface that carries the victim's address; in a container, on each.
fn on_interfaces(
    order: &Order,
    of: impl Fn(Ipv4Addr, u16) -> Box<dyn EffectDriver> + Send + 'static,
) -> Box<dyn EffectDriver> {
    match contained::is_contained() {
        true => Box::new(EachInterface::new(Box::new(of))),
        false => of(order.address, 0),
    }
}

/// Lives as a burner of this kind; see [`burner`].
///
/// # Errors
/// When it can't take what it was asked to, which it says too.
pub(super) fn burn(kind: &str, _id: &StrikeId, amount: &str) -> Result<(), DriverError> {
    let figure = amount.parse().map_err(|_| unfit("an amount", amount, "a number"));
    let burnt = burner::settle().and(figure).and_then(|amount: f64| match kind {
        cpu::KIND => cpu::burn(amount),
        memory::KIND => memory::burn(amount as u64),
        other => Err(unfit("a burner", other, "`cpu` or `memory`")),
    });
    if let Err(why) = &burnt {
        burner::say(&why.to_string());
    }
    burnt
}

/// A share that can be taken of something.
fn percent(percent: f64) -> Result<f64, DriverError> {
    if percent > 0.0 && percent <= 100.0 {
        return Ok(percent);
    }
    Err(unfit("the percentage", &percent.to_string(), "more than 0 and at most 100"))
}

fn unfit(what: &str, found: &str, expected: &str) -> DriverError {
    DriverError::Unfit { what: what.into(), found: found.into(), expected: expected.into() }
}

/// Whether two strikes on one victim would undo each other's work: then the second is refused.
pub(super) fn fight(one: &Effect, other: &Effect) -> bool {
    let alone =
        matches!(one, Effect::DropAll { .. } | Effect::Shape { .. } | Effect::Rate { .. } | Effect::Disk { .. });
    match (one, other) {
        // What the same programs look for can't be there twice.
        (Effect::Command(one), Effect::Command(other)) => one.see == other.see,
        _ => alone && std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}
