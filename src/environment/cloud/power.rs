//! A switch of a server's power in a cloud: how long it may take, and when it is done.

use std::time::Duration;

use crate::instance::{PowerOp, PowerState};

/// How long a cloud may take for what it does by itself.
pub(super) const WITHIN: Duration = Duration::from_secs(120);
/// The same where it waits for the guest first: Nova takes the power from one that has not shut down after two minutes.
const WITH_THE_GUEST: Duration = Duration::from_secs(300);

/// How long it may take.
pub(super) fn within(op: PowerOp) -> Duration {
    if op == PowerOp::SoftReboot { WITH_THE_GUEST } else { WITHIN }
}

/// The state in which it is done.
pub(super) fn done_in(op: PowerOp) -> PowerState {
    match op {
        PowerOp::Terminate => PowerState::Terminated,
        PowerOp::Stop => PowerState::Stopped,
        PowerOp::Start | PowerOp::SoftReboot | PowerOp::Thaw | PowerOp::Resume => PowerState::Running,
        PowerOp::Isolate | PowerOp::Rejoin => PowerState::Running,
        PowerOp::Freeze | PowerOp::Suspend => PowerState::Frozen,
    }
}

/// Whether there is nothing to do in this state.
pub(super) fn is_done(op: PowerOp, state: PowerState) -> bool {
    match op {
        PowerOp::SoftReboot | PowerOp::Isolate | PowerOp::Rejoin => state == PowerState::Terminated,
        PowerOp::Start => matches!(state, PowerState::Running | PowerState::Frozen | PowerState::Terminated),
        PowerOp::Thaw | PowerOp::Resume => state != PowerState::Frozen,
        PowerOp::Freeze | PowerOp::Suspend => state != PowerState::Running,
        PowerOp::Stop => matches!(state, PowerState::Stopped | PowerState::Terminated),
        PowerOp::Terminate => state == PowerState::Terminated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Plug;

    #[test]
    fn what_is_done_already_is_not_asked_for_and_a_terminated_server_is_past_everything() {
        for op in PowerOp::ALL {
            assert!(is_done(op, PowerState::Terminated), "{op:?}");
            let is_never_in_vain = op == PowerOp::SoftReboot || op.plug() == Plug::Network;
            assert!(is_never_in_vain || is_done(op, done_in(op)), "{op:?}");
        }
        assert!(!is_done(PowerOp::Terminate, PowerState::Stopped) && !is_done(PowerOp::Stop, PowerState::Frozen));
        assert!(is_done(PowerOp::Freeze, PowerState::Stopped), "what is off can't hang");
    }
}
