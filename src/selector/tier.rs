//! By place: by name, all of them, every other, the one that is declared primary, by who holds the site's address, whom the strike before hit.

use rand::rngs::StdRng;

use super::{Selection, Selector, View};
use crate::document::names::natural;
use crate::infrastructure::Server;

/// `node "web-1"`
pub struct Named(pub String);
/// These, chosen before.
pub struct Listed(pub Vec<String>);
/// `every R`
pub struct Every;
/// `every other R`: the first, the third, … in natural order of the names.
pub struct EveryOther;
/// `the primary R`: tagged so.
pub struct Primary;
/// `the active R`: it holds the site's address now.
pub struct Active;
/// `the standby R`: it could hold the site's address and does not.
pub struct Standby;
/// `the same R`: whom the strike before hit.
pub struct Same;

impl Selector for Named {
    fn select(&self, candidates: &[&Server], _view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        keep(candidates, |server| server.name == self.0, "named in the step")
    }
}

impl Selector for Listed {
    fn select(&self, candidates: &[&Server], _view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        keep(candidates, |server| self.0.contains(&server.name), "chosen before")
    }
}

impl Selector for Every {
    fn select(&self, candidates: &[&Server], _view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        keep(candidates, |_| true, "all of them")
    }
}

impl Selector for EveryOther {
    fn select(&self, candidates: &[&Server], _view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        let mut names: Vec<String> = candidates.iter().map(|server| server.name.clone()).collect();
        names.sort_by(|one, other| natural(one).cmp(&natural(other)));
        Ok(Selection { servers: names.into_iter().step_by(2).collect(), why: "every other one, by name".into() })
    }
}

impl Selector for Primary {
    fn select(&self, candidates: &[&Server], _view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        keep(candidates, is_primary, "declared primary")
    }
}

/// Whether a server is declared primary: it has the tag.
pub fn is_primary(server: &Server) -> bool {
    server.tags.iter().any(|tag| tag == "primary")
}

impl Selector for Active {
    fn select(&self, candidates: &[&Server], view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        let active = active(view).ok_or("no server holds the site's address")?;
        keep(candidates, |server| server.name == active, "holds the site's address")
    }
}

impl Selector for Standby {
    fn select(&self, candidates: &[&Server], view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        let active = active(view);
        let waits = |server: &Server| {
            let could_hold = view.infrastructure.virtual_ips.iter().any(|vip| vip.holders.contains(&server.name));
            could_hold && Some(server.name.as_str()) != active
        };
        keep(candidates, waits, "could hold the site's address, and does not")
    }
}

impl Selector for Same {
    fn select(&self, candidates: &[&Server], view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        keep(candidates, |server| view.last_struck.contains(&server.name), "struck before")
    }
}

/// The server that the site's address leads to: the holder of the virtual IP, or the entry itself.
fn active<'a>(view: &View<'a>) -> Option<&'a str> {
    let entry = view.infrastructure.entry.host.as_str();
    if view.infrastructure.servers.contains_key(entry) { Some(entry) } else { view.holder }
}

fn keep(candidates: &[&Server], wanted: impl Fn(&Server) -> bool, why: &str) -> Result<Selection, String> {
    let servers: Vec<String> =
        candidates.iter().filter(|server| wanted(server)).map(|server| server.name.clone()).collect();
    if servers.is_empty() {
        return Err(format!("no server of {} {why}", candidates.len()));
    }
    Ok(Selection { servers, why: why.into() })
}
