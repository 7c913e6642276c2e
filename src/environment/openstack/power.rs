//! A server's power at Nova: what is asked, when it is done, and what undoes it.

use std::time::Duration;

use crate::instance::{PowerOp, PowerState};
use crate::openstack::actions::Action;
use crate::openstack::servers::Status;

/// How long Nova may take for any of it.
pub(super) const WITHIN: Duration = Duration::from_secs(120);

/// What Nova is asked for; `None`: to delete it.
pub(super) fn action(op: PowerOp, status: &Status) -> Option<Action> {
    match op {
        PowerOp::Terminate => None,
        PowerOp::Stop => Some(Action::Stop),
        PowerOp::Start => Some(Action::Start),
        PowerOp::Reboot => Some(Action::HardReboot),
        PowerOp::Freeze => Some(Action::Pause),
        PowerOp::Thaw if *status == Status::Suspended => Some(Action::Resume),
        PowerOp::Thaw => Some(Action::Unpause),
    }
}

/// The state in which it is done.
pub(super) fn done_in(op: PowerOp) -> PowerState {
    match op {
        PowerOp::Terminate => PowerState::Terminated,
        PowerOp::Stop => PowerState::Stopped,
        PowerOp::Start | PowerOp::Reboot | PowerOp::Thaw => PowerState::Running,
        PowerOp::Freeze => PowerState::Frozen,
    }
}

/// Whether there is nothing to do in this state.
pub(super) fn is_done(op: PowerOp, state: PowerState) -> bool {
    match op {
        PowerOp::Reboot => state == PowerState::Terminated,
        PowerOp::Start => matches!(state, PowerState::Running | PowerState::Frozen | PowerState::Terminated),
        PowerOp::Thaw => state != PowerState::Frozen,
        PowerOp::Freeze => state != PowerState::Running,
        PowerOp::Stop => matches!(state, PowerState::Stopped | PowerState::Terminated),
        PowerOp::Terminate => state == PowerState::Terminated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_already_is_not_asked_for_and_a_terminated_server_is_past_everything() {
        for op in PowerOp::ALL {
            assert!(is_done(op, PowerState::Terminated), "{op:?}");
            assert!(op == PowerOp::Reboot || is_done(op, done_in(op)), "{op:?}");
        }
        assert!(!is_done(PowerOp::Terminate, PowerState::Stopped) && !is_done(PowerOp::Stop, PowerState::Frozen));
        assert!(is_done(PowerOp::Freeze, PowerState::Stopped), "what is off can't hang");
    }

    #[test]
    fn what_thaws_a_server_depends_on_what_froze_it() {
        assert_eq!(action(PowerOp::Thaw, &Status::Suspended), Some(Action::Resume));
        assert_eq!(action(PowerOp::Thaw, &Status::Paused), Some(Action::Unpause));
        assert_eq!(action(PowerOp::Terminate, &Status::Active), None);
    }
}
