//! What may be asked of a provider for a server, so that what it can't do is known before anything is touched.

use super::PowerOp;

/// Something that is to be done to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// Booting an instance of it.
    Boot,
    /// Running commands in it.
    LogIn,
    /// Changing its network from inside.
    Network,
    /// Switching its power.
    Power(PowerOp),
}
