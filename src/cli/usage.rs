//! Mistakes on the command line, and the help: as clap writes them, without advice that does not fit.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};

use crate::console::{self, put};
use crate::exit;

/// Prints what clap has to say, and returns the exit code.
pub(super) fn usage(mut why: clap::Error) -> ExitCode {
    if why.use_stderr() {
        leave_out_escapes(&mut why);
        let _ = why.print();
        return ExitCode::from(exit::USAGE);
    }
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if colour {
        put!("{}", why.render().ansi())
    } else {
        put!("{}", why.render())
    }
    console::finish(ExitCode::SUCCESS)
}

/// Nothing here is called as an option is (`-1`, `--jbos`), so the advice to write `--` before it leads nowhere.
fn leave_out_escapes(why: &mut clap::Error) {
    if let Some(ContextValue::StyledStrs(tips)) = why.remove(ContextKind::Suggested) {
        let kept: Vec<_> = tips.into_iter().filter(|tip| !tip.to_string().starts_with("to pass ")).collect();
        if !kept.is_empty() {
            why.insert(ContextKind::Suggested, ContextValue::StyledStrs(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Few {
        #[arg(long)]
        jobs: Option<u16>,
        paths: Vec<String>,
    }

    #[test]
    fn only_advice_that_fits_is_given() {
        let said = |argument: &str| {
            let mut why = Few::try_parse_from(["few", argument]).unwrap_err();
            leave_out_escapes(&mut why);
            why.to_string()
        };
        for wrong in ["-1", "--nothing-like-it", "--jbos"] {
            let said = said(wrong);
            assert!(said.starts_with(&format!("error: unexpected argument '{}' found", &wrong)), "{said}");
            assert!(!said.contains("-- "), "{said}");
        }
        assert!(said("--jbos").contains("a similar argument exists: '--jobs'"));
    }
}
