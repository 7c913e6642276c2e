//! `report.html`: what a reliability review reads. One self-contained file, without network or script, that prints
//! to A4 with every scenario's verdict, hypotheses, latency, milestones and downtime on its first page.
//!
//! [`page`] and [`scenario`] say what is shown, as data; [`drawn`] is all that they need of a history, [`timeline`] puts a history on the time axis, [`bins`] its
//! requests into bins; [`plot`] draws, [`redundancy`] the infrastructure's graph, [`data`] and [`written`] what became of writes; the templates in `src/report/templates/` lay it out and escape every text.

use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use super::{JudgedRun, Report};
pub use drawn::Drawn;
pub use logs::ServerLogs;

pub mod bins;
pub mod containers;
pub mod data;
pub mod drawn;
pub mod healing;
pub mod judged;
pub mod logs;
pub mod milestones;
pub mod nginx;
pub mod origin;
pub mod page;
pub mod plot;
pub mod redundancy;
pub mod scenario;
pub mod settings;
pub mod timeline;
pub mod written;

/// The templates; names in `.html` switch auto-escaping on.
const TEMPLATES: [(&str, &str); 2] = [
    ("report.html", include_str!("../templates/report.html")),
    ("scenario.html", include_str!("../templates/scenario.html")),
];
const STYLE: &str = include_str!("../templates/style.css");

/// Renders `report.html`.
pub struct Html;

impl Report for Html {
    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()> {
        let page = page::page(run);
        let text = environment()
            .and_then(|environment| {
                let style = Value::from_safe_string(STYLE.into());
                environment.get_template("report.html")?.render(context! { style, ..Value::from(Serde(&page)) })
            })
            .map_err(io::Error::other)?;
        out.write_all(text.as_bytes())
    }
}

/// Seconds with a sign, unless they are zero: `+0.48`, `−5.07`, `0.00`.
fn signed(seconds: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", seconds.abs());
    match text.parse() {
        Ok(0.0) => text,
        _ if seconds < 0.0 => format!("−{text}"),
        _ => format!("+{text}"),
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

#[cfg(test)]
mod tests;
