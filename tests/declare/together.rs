//! Mistakes of several steps and files, reported together.

use std::path::Path;

use anarcho_chimp::declare::{DeclareOptions, ProblemKind, declare};

use super::{kinds, message, options};

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

#[test]
fn problems_of_all_files_are_told_together() {
    let paths = ["incomplete", "names"].map(|name| Path::new("tests/refused").join(format!("{name}.feature")));
    let both = declare(&DeclareOptions { paths: paths.to_vec(), ..options("") }).unwrap_err().to_string();
    assert!(both.ends_with("5 errors; nothing was touched"), "{both}");
}
