//! `run.json`: the record itself.

use std::io::{self, Write};

use super::{JudgedRun, Report};

/// Renders [`super::RunRecord`] as JSON.
pub struct RunJson;

impl Report for RunJson {
    fn file_name(&self) -> &'static str {
        "run.json"
    }

    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &run.record)?;
        out.write_all(b"\n")
    }
}
