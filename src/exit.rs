//! What the process ends with.

use crate::verdict::Verdict;

/// All hypotheses held.
pub const PASS: u8 = 0;
/// A hypothesis was refuted.
pub const FAIL: u8 = 1;
/// Usage, or a feature that cannot be read.
pub const USAGE: u8 = 2;
/// It could not be told, or something was skipped under `CI=true`.
pub const COULD_NOT_TELL: u8 = 3;
/// A stop condition ended the run.
pub const ABORTED: u8 = 4;
/// A fault was not lifted, or something was left behind.
pub const CLEANUP: u8 = 5;
/// Nothing ran.
pub const NOTHING_RAN: u8 = 7;
/// Interrupted by a signal.
pub const INTERRUPTED: u8 = 130;

/// All that an exit code depends on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ending {
    /// A signal ended the run.
    pub interrupted: bool,
    /// A heal did not take, or something was left behind.
    pub cleanup_failed: bool,
    /// The command line or a feature was wrong.
    pub usage: bool,
    /// It ran under `CI=true`.
    pub ci: bool,
    /// The scenarios' verdicts.
    pub verdicts: Vec<Verdict>,
}

/// The exit code of a run; where several apply, the first of 130, 5, 2, 1, 4, 3, 7.
pub fn exit_code(ending: &Ending) -> u8 {
    let any = |verdict| ending.verdicts.contains(&verdict);
    let untold = any(Verdict::Invalid) || any(Verdict::Infra) || (ending.ci && any(Verdict::Skipped));
    let nothing_ran = ending.verdicts.iter().all(|verdict| *verdict == Verdict::Skipped);
    let applying = [
        (ending.interrupted, INTERRUPTED),
        (ending.cleanup_failed, CLEANUP),
        (ending.usage, USAGE),
        (any(Verdict::Fail), FAIL),
        (any(Verdict::Aborted), ABORTED),
        (untold, COULD_NOT_TELL),
        (nothing_ran, NOTHING_RAN),
    ];
    applying.iter().find(|(applies, _)| *applies).map_or(PASS, |(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Aborted, Fail, Infra, Invalid, Pass, Skipped};

    fn code(verdicts: &[Verdict]) -> u8 {
        exit_code(&Ending { verdicts: verdicts.to_vec(), ..Ending::default() })
    }

    fn in_ci(verdicts: &[Verdict]) -> u8 {
        exit_code(&Ending { verdicts: verdicts.to_vec(), ci: true, ..Ending::default() })
    }

    #[test]
    fn each_verdict_has_its_code() {
        assert_eq!(code(&[Pass]), 0);
        assert_eq!(code(&[Fail]), 1);
        assert_eq!(code(&[Invalid]), 3);
        assert_eq!(code(&[Infra]), 3);
        assert_eq!(code(&[Aborted]), 4);
    }

    #[test]
    fn what_is_skipped_is_fine_beside_something_that_ran_but_not_in_ci() {
        assert_eq!(code(&[Pass, Skipped]), 0);
        assert_eq!(in_ci(&[Pass, Skipped]), 3);
        assert_eq!(in_ci(&[Pass]), 0);
    }

    #[test]
    fn nothing_ran_is_seven() {
        assert_eq!(code(&[]), 7);
        assert_eq!(code(&[Skipped, Skipped]), 7);
        assert_eq!(in_ci(&[]), 7);
        assert_eq!(in_ci(&[Skipped]), 3);
    }

    #[test]
    fn the_first_of_130_5_2_1_4_3_7_counts() {
        let mut ending = Ending {
            interrupted: true,
            cleanup_failed: true,
            usage: true,
            ci: false,
            verdicts: vec![Pass, Invalid, Aborted, Fail],
        };
        assert_eq!(exit_code(&ending), 130);
        ending.interrupted = false;
        assert_eq!(exit_code(&ending), 5);
        ending.cleanup_failed = false;
        assert_eq!(exit_code(&ending), 2);
        ending.usage = false;
        assert_eq!(exit_code(&ending), 1);
        ending.verdicts.retain(|verdict| *verdict != Fail);
        assert_eq!(exit_code(&ending), 4);
        ending.verdicts.retain(|verdict| *verdict != Aborted);
        assert_eq!(exit_code(&ending), 3);
        assert_eq!(exit_code(&Ending { usage: true, ..Ending::default() }), 2);
    }
}
