//! What an effect needs of the machine that a victim runs on.

/// What a fault needs of the machine that a victim runs on; probed once, before anything boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `iptables`.
    Iptables,
    /// The `netem` qdisc, or NFQUEUE where there is none.
    DelayQueue,
    /// The `tbf` qdisc.
    TokenBucket,
}
