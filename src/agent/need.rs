//! What an effect, or a floating IP, needs of the machine that servers run on.

/// What a fault needs of the machine that a victim runs on, and a floating IP of that of its sandbox; probed once, before anything boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `iptables`.
    Iptables,
    /// The `netem` qdisc, or NFQUEUE where there is none.
    DelayQueue,
    /// The `tbf` qdisc.
    TokenBucket,
    /// `iptables` that translates addresses, and marks the connections of each.
    Nat,
}
