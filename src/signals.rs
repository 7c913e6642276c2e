//! The signals that end this program in order: it heals what it struck, and takes down what it made.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for one of them, and returns its name, such as `SIGINT`. They are handled from the call on, not only from the
/// first poll. Must be called within a runtime.
pub(crate) fn interrupted() -> impl Future<Output = &'static str> {
    let mut interrupt = handled(SignalKind::interrupt());
    let mut terminate = handled(SignalKind::terminate());
    let mut hangup = handled(SignalKind::hangup());
    let mut quit = handled(SignalKind::quit());
    async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup.recv() => "SIGHUP",
            _ = quit.recv() => "SIGQUIT",
        }
    }
}

fn handled(kind: SignalKind) -> Signal {
    signal(kind).expect("the kernel lets a program handle these signals")
}
