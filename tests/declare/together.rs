//! Mistakes of several steps, reported together.

use anarcho_chimp::declare::ProblemKind;

use super::{kinds, message};

#[test]
fn what_is_wrong_beside_an_undefined_step_is_told_with_it_and_what_may_follow_from_it_is_not() {
    let wrong = [
        (3, ProblemKind::Step),
        (4, ProblemKind::Undefined),
        (5, ProblemKind::Step),
        (7, ProblemKind::Undefined),
        (8, ProblemKind::Undefined),
        (10, ProblemKind::Step),
        (14, ProblemKind::Undefined),
        (15, ProblemKind::Meaning),
        (17, ProblemKind::Meaning),
    ];
    assert_eq!(kinds("undefined-late"), wrong, "lines 6, 9 and 16 may be right once the others are");
    let shown = message("undefined-late");
    let hint = "did you mean `figure-1`? (a file of your own is written with its path";
    assert!(shown.contains("no infrastructure called `figure1` is shipped") && shown.contains(hint), "{shown}");
}
