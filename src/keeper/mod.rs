//! Keeps an infrastructure up in a sandbox, so that it can be attacked from other processes and outlives them.
//!
//! `chimp up FILE` is a keeper: it stays in the foreground until Ctrl-C or `chimp down`; then everything it made is
//! gone, and after `kill -9` too. Start with [`protocol`] (what it can be asked, over a unix socket) and [`up`] (its
//! life); [`client`] is the other end. What an attacker can't do itself, because the sandbox has no way in, the keeper
//! does for it: it makes TCP connections to servers and hands them over ([`protocol::Request::Dial`]), and it switches
//! power, under a [`lease`] where the fault must end by itself.
//!
//! A keeper lives beside runs and other keepers: its bridges and addresses are in a network of its own, and it does
//! not take the lock of runs. But an attack on it takes CPU, so figures are best measured without one.

use std::io;
use std::path::PathBuf;

use crate::provider::ProviderError;

pub mod client;
pub mod cloud;
mod cut;
mod lease;
pub mod protocol;
mod rights;
mod seat;
mod server;
pub mod up;

pub use client::Keeper;
pub use seat::{Seat, SeatError};

/// Where a keeper listens unless it is told otherwise.
pub const SOCKET: &str = "/run/anarcho-chimp/keeper.sock";

/// Why a keeper did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// Nobody listens.
    #[error("no keeper answers at {}: {source}; start one with `chimp up FILE`", .socket.display())]
    Absent { socket: PathBuf, source: io::Error },
    /// The conversation broke off; the keeper may have ended.
    #[error("the keeper at {}: {source}", .socket.display())]
    Broken { socket: PathBuf, source: io::Error },
    /// It said no.
    #[error("the keeper at {} refused: {detail}", .socket.display())]
    Refused { socket: PathBuf, detail: String },
    /// It lives on after it was told to end.
    #[error("the keeper at {} was told to end, and is still there {} later", .socket.display(), crate::units::show_duration(*.after))]
    Stays { socket: PathBuf, after: std::time::Duration },
}

impl From<KeeperError> for ProviderError {
    fn from(why: KeeperError) -> Self {
        ProviderError::Between(Box::new(why))
    }
}
