//! Keeps an infrastructure up in a sandbox, so that it can be attacked from other processes and outlives them.
//!
//! `chimp up FILE` is a testbed: it stays in the foreground until Ctrl-C or `chimp down`; then everything it made is
//! gone, and after `kill -9` too. Start with [`protocol`] (what it can be asked, over a unix socket) and [`up`] (its
//! life); [`client`] is the other end. What an attacker can't do itself, because the sandbox has no way in, the testbed
//! does for it: it makes TCP connections to servers and hands them over ([`protocol::Request::Dial`]), and it switches
//! power, under a [`lease`] where the fault must end by itself.
//!
//! A [`hypervisor`] is a testbed too: it keeps no infrastructure, but boots what a cloud asks for.
//!
//! A testbed lives beside runs and other testbeds: its bridges and addresses are in a network of its own, and it does
//! not take the lock of runs. But an attack on it takes CPU, so figures are best measured without one.

use std::io;
use std::path::PathBuf;

use crate::provider::ProviderError;

pub mod client;
pub mod cloud;
pub mod hypervisor;
mod lease;
mod life;
pub mod protocol;
mod rights;
mod server;
mod sever;
mod socket_lock;
mod socket_sweeper;
pub mod up;

pub use client::Testbed;
pub use socket_lock::{SocketLock, SocketLockError};

pub use life::UpError;

/// Where a testbed listens by default.
pub const SOCKET: &str = "/run/anarcho-chimp/testbed.sock";

/// Why a testbed did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TestbedError {
    /// No process listens.
    #[error("no testbed answers at {}: {source}; start one with `chimp up FILE`", .socket.display())]
    Absent { socket: PathBuf, source: io::Error },
    /// The conversation broke off; the testbed may have ended.
    #[error("the connection to the testbed at {} failed: {source}", .socket.display())]
    Broken { socket: PathBuf, source: io::Error },
    /// It said no.
    #[error("the testbed at {} refused: {detail}", .socket.display())]
    Refused { socket: PathBuf, detail: String },
    /// It lives on after it was asked to end.
    #[error("the testbed at {} was asked to end, and still runs {} later", .socket.display(), crate::units::show_duration(*.after))]
    Stays { socket: PathBuf, after: std::time::Duration },
}

impl From<TestbedError> for ProviderError {
    fn from(why: TestbedError) -> Self {
        ProviderError::Between(Box::new(why))
    }
}
