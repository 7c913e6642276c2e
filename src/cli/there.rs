//! A site that is there already, as commands take it: a URL, or an environment of which it is known where its users enter.

use super::Refused;
use super::observe::refused;
use crate::environment::{self, Adopted, ENVIRONMENTS, Kind, On};
use crate::observe::SiteUrl;
use crate::settings::Settings;

/// A site, and what is known of it.
pub(super) struct There {
    /// Where its users enter.
    pub url: SiteUrl,
    /// The environment that it was named by, and the servers there; `None`: it was named by its URL.
    pub servers: Option<(On, Adopted)>,
}

/// Reads what a command was given; an environment may be described by the settings, too. Connects to no server, and writes nothing.
///
/// # Errors
/// It is neither; the environment boots its servers for a run; its site has mistakes, or it is not known where users enter.
pub(super) fn there(text: &str, settings: &Settings) -> Result<There, Refused> {
    if !names_environment(text) {
        let url = SiteUrl::read(text).map_err(|why| refused(format!("{why}, or {}", others())))?;
        return Ok(There { url, servers: None });
    }
    let on = environment::on(text).map_err(refused)?;
    if !on.kind.capabilities().attaches {
        return Err(refused(not_there(on.kind)));
    }
    let adopted = on.kind.adopt(&on.value, None, settings)?;
    if !on.kind.is_up(&on.value, settings) {
        return Err(refused(format!(
            "the servers of `{text}` do not run, and nothing is observed where they would be\n  help: start them"
        )));
    }
    let unknown = || refused(format!("`{text}` does not say where users enter\n  help: write the URL of its entry"));
    let entry = adopted.infrastructure.entry.url.clone().ok_or_else(unknown)?;
    Ok(There { url: SiteUrl::from(entry), servers: Some((on, adopted)) })
}

/// Whether this names an environment, maybe one that there is not, and is not a URL.
fn names_environment(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    let is_file = || [".yaml", ".yml"].iter().any(|end| text.ends_with(end));
    ENVIRONMENTS.iter().any(|kind| kind.name() == name) || (!text.contains("://") && (text.contains('=') || is_file()))
}

fn not_there(kind: &dyn Kind) -> String {
    let name = kind.name();
    let why = match kind.capabilities().boots {
        true => format!("`{name}` boots its servers for a run, so no site of it is there already"),
        false => format!("`{name}` does not say where users enter"),
    };
    format!("{why}\n  help: write the site's URL, such as `https://www.example.org/`, or {}", others())
}

/// The environments whose servers are there already, as they are written.
fn others() -> String {
    let there = ENVIRONMENTS.iter().filter(|kind| kind.capabilities().attaches);
    let written = |kind: &&dyn Kind| format!("`{}={}`", kind.name(), kind.takes().unwrap_or_default());
    there.map(written).collect::<Vec<_>>().join(", ")
}
