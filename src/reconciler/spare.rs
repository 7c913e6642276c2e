//! Spares: one more than is needed (N+1), ready, and in no balancer's configuration until it takes a place.
//!
//! A spare keeps its name and its address when it is promoted; it swaps places with the server it stands in for.
//! What should be is then "as many of the role in rotation as were declared": the promoted one stays there, and the
//! other one, once it is booted again, is the spare. So nothing moves twice, and every name stays one machine.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::infrastructure::{Infrastructure, Server};

/// A spare that took a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// Which spare.
    pub spare: String,
    /// Whose place.
    pub instead_of: String,
}

/// The infrastructure as it stands after these promotions, one after the other.
pub fn placed(declared: &Infrastructure, promotions: &[Promotion]) -> Infrastructure {
    let mut placed = declared.clone();
    for promotion in promotions {
        swap(&mut placed, promotion);
    }
    placed
}

/// Links that led to the one lead to the other; what the two are linked to themselves stays.
fn swap(infrastructure: &mut Infrastructure, Promotion { spare, instead_of }: &Promotion) {
    for (name, is_spare) in [(spare, false), (instead_of, true)] {
        if let Some(server) = infrastructure.servers.get_mut(name) {
            server.spare = is_spare;
        }
    }
    let moved = infrastructure.links.iter().map(|(from, to)| {
        let to = if to == instead_of { spare } else { to };
        (from.clone(), to.clone())
    });
    infrastructure.links = moved.collect::<BTreeSet<_>>().into_iter().collect();
}

/// The spare that takes a missing server's place: of its role and there, of its zone rather than another, and the
/// first in natural order of the names. None where the missing one is a spare itself.
pub(super) fn stand_in<'i>(
    placed: &'i Infrastructure,
    missing: &str,
    is_there: impl Fn(&str) -> bool,
) -> Option<&'i Server> {
    let missing = placed.servers.get(missing).filter(|server| !server.spare)?;
    let suits = |server: &&Server| server.spare && server.role == missing.role && is_there(&server.name);
    placed.in_order().into_iter().filter(suits).min_by_key(|server| server.zone != missing.zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;

    fn site() -> Infrastructure {
        let mut draft = Draft::default();
        draft.behind_haproxy(2, "webserver").unwrap();
        draft.spares(2, "webserver").unwrap();
        draft.build().unwrap()
    }

    fn promotion(spare: &str, instead_of: &str) -> Promotion {
        Promotion { spare: spare.into(), instead_of: instead_of.into() }
    }

    fn behind<'i>(site: &'i Infrastructure, balancer: &str) -> Vec<&'i str> {
        site.links.iter().filter(|(from, _)| from == balancer).map(|(_, to)| to.as_str()).collect()
    }

    fn spares(site: &Infrastructure) -> Vec<&str> {
        site.servers.values().filter(|server| server.spare).map(|server| server.name.as_str()).collect()
    }

    #[test]
    fn a_spare_is_linked_by_nobody_until_it_swaps_places() {
        let declared = site();
        assert_eq!((behind(&declared, "lb-1"), spares(&declared)), (vec!["web-1", "web-2"], vec!["web-3", "web-4"]));
        let placed = placed(&declared, &[promotion("web-3", "web-1")]);
        for balancer in ["lb-1", "lb-2"] {
            assert_eq!(behind(&placed, balancer), ["web-2", "web-3"]);
        }
        assert_eq!(spares(&placed), ["web-1", "web-4"]);
    }

    #[test]
    fn places_may_be_swapped_again_and_back() {
        let declared = site();
        let twice = [promotion("web-3", "web-1"), promotion("web-1", "web-3")];
        assert_eq!(placed(&declared, &twice), declared);
        let chain = [promotion("web-3", "web-1"), promotion("web-4", "web-3")];
        assert_eq!(behind(&placed(&declared, &chain), "lb-1"), ["web-2", "web-4"]);
    }

    #[test]
    fn the_stand_in_is_there_of_the_role_and_rather_of_the_zone() {
        let mut site = site();
        let chosen = |site: &Infrastructure, missing: &str, there: &[&str]| {
            stand_in(site, missing, |name| there.contains(&name)).map(|server| server.name.clone())
        };
        assert_eq!(chosen(&site, "web-1", &["web-3", "web-4"]).as_deref(), Some("web-3"));
        assert_eq!(chosen(&site, "web-1", &["web-4"]).as_deref(), Some("web-4"));
        assert_eq!(chosen(&site, "web-1", &[]), None);
        assert_eq!(chosen(&site, "lb-1", &["web-3"]), None, "a webserver is no balancer");
        assert_eq!(chosen(&site, "web-3", &["web-4"]), None, "a spare's place is nobody's");
        for (name, zone) in [("web-1", "b"), ("web-3", "a"), ("web-4", "b")] {
            site.servers.get_mut(name).unwrap().zone = Some(zone.into());
        }
        assert_eq!(chosen(&site, "web-1", &["web-3", "web-4"]).as_deref(), Some("web-4"));
    }
}
