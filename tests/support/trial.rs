//! A test that may be ignored at run time, which libtest can't do: where something is missing that it needs, it is
//! *ignored*, with the reason. In CI it fails instead, since nothing essential may be left out there.

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Set by `make quick`: only tests that any machine can run.
#[allow(dead_code, reason = "each test target uses a part")]
const QUICK: &str = "CHIMP_QUICK";

/// A test and its name, which is its claim.
#[allow(dead_code, reason = "each test target uses a part")]
pub type Named = (&'static str, fn());

/// Functions as tests that are named after them.
#[allow(unused_macros, reason = "each test target uses a part")]
macro_rules! named {
    ($($first:ident $(:: $part:ident)*),+ $(,)?) => {
        &[$((concat!(stringify!($first) $(, "::", stringify!($part))*), $first $(:: $part)* as fn())),+]
    };
}
#[allow(unused_imports, reason = "each test target uses a part")]
pub(crate) use named;

/// Runs a test, which panics if it fails.
#[allow(dead_code, reason = "each test target uses a part")]
pub fn passes(test: fn()) -> Result<(), Failed> {
    test();
    Ok(())
}

/// A trial of a test that needs more than a machine with Rust; root rights, or else a program. `missing` says what of
/// that is not there. `--ignored` and `--include-ignored` run it anyway.
#[allow(dead_code, reason = "each test target uses a part")]
pub fn trial(
    arguments: &Arguments,
    name: &str,
    needs_root: bool,
    missing: impl FnOnce() -> Option<String>,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let set = |name: &str| std::env::var_os(name).is_some();
    trial_where(set("CI"), needs_root && set(QUICK), arguments, name, missing, run)
}

/// [`trial`] in CI or not, for `make quick` or not.
pub fn trial_where(
    in_ci: bool,
    quick: bool,
    arguments: &Arguments,
    name: &str,
    missing: impl FnOnce() -> Option<String>,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let reason = if quick { Some("left out of `make quick`".into()) } else { missing() };
    match reason {
        Some(reason) if in_ci && !quick => {
            Trial::test(name, move || Err(format!("in CI nothing essential may be ignored: {reason}").into()))
        }
        // A list says which tests would be ignored; a run says also why.
        Some(_) if arguments.list || arguments.ignored => Trial::test(name, run).with_ignored_flag(true),
        Some(reason) if !arguments.include_ignored => {
            Trial::ignorable_test(name, || Ok(Completion::ignored_with(reason)))
        }
        _ => Trial::test(name, run),
    }
}
