//! Whether the servers of an inventory may stand for those that a scenario declares.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::DocumentError;
use crate::infrastructure::{Infrastructure, Server};

/// Whether they may stand for what a scenario declares, if it declares any. `whose` are the servers there, in words, and `hint` says what to do.
///
/// # Errors
/// All differences, as one.
pub fn require(
    declared: Option<&Infrastructure>,
    there: &Infrastructure,
    whose: &str,
    hint: &str,
) -> Result<(), DocumentError> {
    let checked = declared.map_or(Ok(()), |declared| check(declared, there));
    checked.map_err(|why| DocumentError::new(format!("{whose} are not those of the scenario: {why}")).with_hint(hint))
}

/// Whether there are as many servers of each kind as the scenario declares, shared addresses and zones included. Kinds
/// that the scenario does not speak of may be there, too.
///
/// # Errors
/// All differences, in words.
fn check(declared: &Infrastructure, there: &Infrastructure) -> Result<(), String> {
    let (wanted, found) = (by_noun(declared), by_noun(there));
    let mut differences = Vec::new();
    for (noun, servers) in &wanted {
        let found = found.get(noun).map_or(&[][..], Vec::as_slice);
        differences.extend(of_one_kind(noun, servers, found));
    }
    for shared in &declared.virtual_ips {
        if shared.floating_ip {
            let detail = "it declares a floating IP, which can't be led there (let keepalived share an address)";
            differences.push(detail.into());
            continue;
        }
        let noun = &declared.roles[&declared.servers[&shared.holders[0]].role].noun;
        let is_shared =
            there.virtual_ips.iter().any(|ip| ip.holders.iter().all(|holder| is_called(there, holder, noun)));
        if !is_shared {
            differences.push(format!("its {noun}s share a virtual IP, and no {noun}s there do (see `virtual_ips`)"));
        }
    }
    if !declared.databases.is_empty() {
        differences.push("it declares databases that replicate, and that is not known of the servers there".into());
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
}

/// How the servers of one kind differ.
fn of_one_kind(noun: &str, wanted: &[&Server], found: &[&Server]) -> Option<String> {
    if wanted.len() != found.len() {
        return Some(format!("it declares {}, and there are {}", count(wanted.len(), noun), found.len()));
    }
    let (zones, zones_there) = (zones(wanted), zones(found));
    (zones > 1 && zones != zones_there)
        .then(|| format!("it spreads its {noun}s over {zones} zones, and they are spread over {zones_there}"))
}

fn by_noun(infrastructure: &Infrastructure) -> BTreeMap<&str, Vec<&Server>> {
    let mut by_noun: BTreeMap<&str, Vec<&Server>> = BTreeMap::new();
    for server in infrastructure.servers.values() {
        by_noun.entry(&infrastructure.roles[&server.role].noun).or_default().push(server);
    }
    by_noun
}

fn zones(servers: &[&Server]) -> usize {
    servers.iter().filter_map(|server| server.zone.as_deref()).collect::<BTreeSet<_>>().len()
}

fn is_called(infrastructure: &Infrastructure, server: &str, noun: &str) -> bool {
    infrastructure.servers.get(server).is_some_and(|server| infrastructure.roles[&server.role].noun == noun)
}

fn count(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;

    fn site(webservers: usize, change: impl FnOnce(&mut Draft)) -> Infrastructure {
        let mut draft = Draft::default();
        draft.behind(webservers, "webserver", 2, "load balancer").unwrap();
        change(&mut draft);
        draft.build().unwrap()
    }

    #[test]
    fn as_many_of_each_kind_stand_for_each_other_whatever_they_are_called() {
        let mut there = site(2, |_| ());
        let mut renamed = there.servers.remove("web-1").unwrap();
        renamed.name = "www-a".into();
        there.servers.insert("www-a".into(), renamed);
        assert_eq!(check(&site(2, |_| ()), &there), Ok(()));
        assert_eq!(check(&site(3, |_| ()), &there), Err("it declares 3 webservers, and there are 2".into()));
        let mut more = Draft::default();
        more.behind(3, "webserver", 3, "load balancer").unwrap();
        let why = "it declares 3 load balancers, and there are 2; it declares 3 webservers, and there are 2";
        assert_eq!(check(&more.build().unwrap(), &there), Err(why.into()), "all at once");
    }

    #[test]
    fn zones_and_shared_addresses_must_be_there() {
        let zoned = |zones| site(2, |draft| draft.spread("webserver", zones).unwrap());
        assert_eq!(check(&zoned(2), &zoned(2)), Ok(()));
        let why = check(&zoned(2), &site(2, |_| ())).unwrap_err();
        assert_eq!(why, "it spreads its webservers over 2 zones, and they are spread over 0");
        let shared = site(2, |draft| draft.share_virtual_ip("load balancer").unwrap());
        assert_eq!(check(&shared, &shared), Ok(()));
        assert!(check(&shared, &site(2, |_| ())).unwrap_err().starts_with("its load balancers share a virtual IP"));
        assert_eq!(check(&site(2, |_| ()), &shared), Ok(()), "more may be there than a scenario speaks of");
    }
}
