//! `chimp graph FILE`: who matters most in a graph of servers, as a table, as JSON or as a picture.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::console::{complain, put, say};
use crate::exit;
use crate::graph::{GraphError, GraphFile, Links, Table, picture, read_links};

/// Which graph, and how it is shown.
#[derive(Debug, Clone, Args)]
pub struct GraphArgs {
    /// An infrastructure (`.yaml`), a list of servers with `in` and `out` links (`.json`), `.graphml` or `.dot`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format. Default: by the extension of `--out`, else text.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write to this file instead of the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a graph is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An aligned table, bridges, single points of failure, zones, a summary.
    Text,
    /// The same figures as data.
    Json,
    /// A picture, of graphs that are small enough for one.
    Svg,
}

/// Why a graph was not shown.
#[derive(Debug, thiserror::Error)]
enum NotShown {
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error("{0}")]
    Picture(#[from] picture::TooLarge),
    #[error("{}: a graph is written as `.txt`, `.json` or `.svg`\n  help: name such a file, or say which with `--format`", .0.display())]
    Extension(PathBuf),
    #[error("{}: can't be written: {why}\n  help: name a file in a folder that is there", .file.display())]
    Write { file: PathBuf, why: std::io::Error },
}

/// Shows a graph. What the file says and the graph does not is noted on the standard error; what is wrong is reported
/// there as well, with the exit code of a usage error.
pub fn show(asked: &GraphArgs) -> ExitCode {
    match shown(asked).and_then(|text| put(asked.out.as_deref(), &text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain!("chimp: {why}");
            ExitCode::from(exit::USAGE)
        }
    }
}

fn shown(asked: &GraphArgs) -> Result<String, NotShown> {
    let links = read_noted(&asked.file)?;
    let format = asked.format.map_or_else(|| by_extension(asked.out.as_deref()), Ok)?;
    Ok(match format {
        Format::Text => Table::of(&links).to_string(),
        Format::Json => {
            serde_json::to_string_pretty(&Table::of(&links)).expect("a table is plain data with text keys") + "\n"
        }
        Format::Svg => picture::page(&links, &Table::of(&links))?,
    })
}

/// Reads a graph, and prints on the standard error what its file says and the graph does not.
pub(super) fn read_noted(file: &Path) -> Result<Links, GraphError> {
    let GraphFile { links, notes } = read_links(file)?;
    notes.iter().for_each(|note| complain!("chimp: note: {note}"));
    Ok(links)
}

fn by_extension(out: Option<&Path>) -> Result<Format, NotShown> {
    match (out, out.and_then(Path::extension).and_then(|extension| extension.to_str())) {
        (None, _) | (_, None | Some("txt")) => Ok(Format::Text),
        (_, Some("json")) => Ok(Format::Json),
        (_, Some("svg")) => Ok(Format::Svg),
        (Some(file), Some(_)) => Err(NotShown::Extension(file.into())),
    }
}

fn put(out: Option<&Path>, text: &str) -> Result<(), NotShown> {
    let Some(file) = out else {
        put!("{text}");
        return Ok(());
    };
    std::fs::write(file, text).map_err(|why| NotShown::Write { file: file.into(), why })?;
    say!("{}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_can_not_hold_a_graph_is_refused_by_its_extension() {
        let format = |out: &str| by_extension(Some(Path::new(out))).map_err(|why| why.to_string());
        assert_eq!([format("a.svg"), format("a.json")], [Ok(Format::Svg), Ok(Format::Json)]);
        assert_eq!([format("a.txt"), format("a")], [Ok(Format::Text), Ok(Format::Text)]);
        assert!(format("a.png").unwrap_err().starts_with("a.png: a graph is written as `.txt`, `.json` or `.svg`"));
    }
}
