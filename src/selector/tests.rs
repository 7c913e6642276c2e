use std::collections::BTreeSet;

use super::*;
use crate::infrastructure::tiers::Draft;

/// Four webservers, two in each of two zones, behind two balancers that share a virtual IP.
fn site() -> Infrastructure {
    let mut draft = Draft::default();
    draft.behind_haproxy(4, "webserver").unwrap();
    draft.spread("webserver", 2).unwrap();
    draft.build().unwrap()
}

/// Two webservers behind one balancer, where users enter.
fn plain() -> Infrastructure {
    let mut draft = Draft::default();
    draft.behind(2, "webserver", 1, "load balancer").unwrap();
    draft.build().unwrap()
}

fn target(choice: Choice, role: &str) -> Target {
    Target { choice, role: role.into(), zone: None, tag: None, text: "whom".into() }
}

/// As the strike with this number of a scenario with this seed.
fn resolve_as(target: &Target, view: &View, seed: u64, strike: u32) -> Result<Selection, String> {
    resolve(target, view, &mut Draw::of(seed).for_purpose(Purpose::Targets, strike.into()))
}

fn select(choice: Choice, role: &str, holder: Option<&str>) -> Result<Vec<String>, String> {
    let site = site();
    let last_struck = &["web-3".into()];
    let view = View { holder, last_struck, ..View::of(&site) };
    resolve_as(&target(choice, role), &view, 7, 0).map(|selection| selection.servers)
}

#[test]
fn a_name_every_and_the_same_are_chosen_by_place() {
    assert_eq!(select(Choice::Named("web-2".into()), "node", None).unwrap(), ["web-2"]);
    assert_eq!(select(Choice::Every, "load balancer", None).unwrap(), ["lb-1", "lb-2"]);
    assert_eq!(select(Choice::Same, "webserver", None).unwrap(), ["web-3"]);
    assert!(select(Choice::Same, "load balancer", None).is_err());
    assert!(select(Choice::Every, "database", None).is_err());
}

#[test]
fn the_active_holds_the_address_and_the_standby_could() {
    assert_eq!(select(Choice::Active, "load balancer", Some("lb-2")).unwrap(), ["lb-2"]);
    assert_eq!(select(Choice::Standby, "load balancer", Some("lb-2")).unwrap(), ["lb-1"]);
    assert_eq!(select(Choice::Standby, "node", Some("lb-2")).unwrap(), ["lb-1"], "a webserver never could");
    assert!(select(Choice::Active, "load balancer", None).is_err());
}

#[test]
fn without_a_virtual_ip_the_entry_is_active() {
    let plain = plain();
    let view = View::of(&plain);
    let active = resolve_as(&target(Choice::Active, "node"), &view, 7, 0).unwrap();
    assert_eq!(active.servers, ["lb-1"]);
    assert!(resolve_as(&target(Choice::Standby, "node"), &view, 7, 0).is_err());
}

#[test]
fn the_highest_degree_follows_the_address() {
    assert_eq!(select(Choice::HighestDegree(1), "node", Some("lb-2")).unwrap(), ["lb-2"]);
    assert_eq!(select(Choice::HighestDegree(2), "node", Some("lb-2")).unwrap(), ["lb-2", "lb-1"]);
    assert_eq!(select(Choice::HighestDegree(6), "node", None).unwrap().len(), 6, "all there are");
    assert!(select(Choice::HighestDegree(7), "node", None).is_err());
}

#[test]
fn a_tie_of_degrees_is_drawn_and_said() {
    let site = site();
    let view = View::of(&site);
    let drawn = |strike| resolve_as(&target(Choice::HighestDegree(1), "webserver"), &view, 7, strike).unwrap();
    assert!(drawn(0).why.contains("3 more with degree 2 lost the draw"), "{}", drawn(0).why);
    let all: BTreeSet<String> = (0..50).flat_map(|strike| drawn(strike).servers).collect();
    assert_eq!(all.len(), 4, "{all:?}");
    let highest = resolve_as(&target(Choice::HighestDegree(1), "node"), &view, 7, 0).unwrap();
    assert!(!highest.why.contains("draw"), "{}", highest.why);
}

#[test]
fn chance_draws_distinct_servers_and_no_more_than_there_are() {
    let drawn: BTreeSet<String> = select(Choice::Random(4), "webserver", None).unwrap().into_iter().collect();
    assert_eq!(drawn.len(), 4);
    assert!(select(Choice::Random(5), "webserver", None).is_err());
}

#[test]
fn a_share_is_rounded_up_so_that_it_is_never_nobody() {
    let count = |percent| select(Choice::Share(percent), "webserver", None).map(|servers| servers.len());
    assert_eq!((count(1.0), count(25.0), count(26.0), count(100.0)), (Ok(1), Ok(1), Ok(2), Ok(4)));
    assert!(count(0.0).is_err());
}

#[test]
fn the_same_seed_and_strike_draw_the_same_and_another_strike_others() {
    let site = site();
    let view = View::of(&site);
    let drawn = |seed, strike| resolve_as(&target(Choice::Random(1), "node"), &view, seed, strike).unwrap();
    assert_eq!(drawn(7, 3), drawn(7, 3));
    let over = |draw: &dyn Fn(u32) -> Selection| (0..20).flat_map(|k| draw(k).servers).collect::<BTreeSet<_>>().len();
    assert!(over(&|strike| drawn(7, strike)) > 1, "every strike of a scenario hits the same server");
    assert!(over(&|seed| drawn(u64::from(seed), 0)) > 1, "every scenario hits the same server");
}

#[test]
fn a_zone_and_a_tag_narrow() {
    let mut site = site();
    site.servers.get_mut("web-2").unwrap().tags.push("canary".into());
    let view = View::of(&site);
    let named = |zone: Option<&str>, tag: Option<&str>| {
        let target = Target { zone: zone.map(Into::into), tag: tag.map(Into::into), ..target(Choice::Every, "node") };
        resolve_as(&target, &view, 7, 0).map(|selection| selection.servers)
    };
    assert_eq!(named(Some("b"), None).unwrap(), ["web-2", "web-4"]);
    assert_eq!(named(None, Some("canary")).unwrap(), ["web-2"]);
    assert!(named(Some("a"), Some("canary")).is_err());
    assert!(named(Some("c"), None).is_err());
}

#[test]
fn every_other_takes_every_second_by_name() {
    assert_eq!(select(Choice::EveryOther, "webserver", None).unwrap(), ["web-1", "web-3"]);
    let mut draft = Draft::default();
    draft.behind_haproxy(11, "webserver").unwrap();
    let site = draft.build().unwrap();
    let chosen = resolve_as(&target(Choice::EveryOther, "webserver"), &View::of(&site), 7, 0).unwrap();
    assert_eq!(chosen.servers, ["web-1", "web-3", "web-5", "web-7", "web-9", "web-11"]);
}

#[test]
fn the_primary_is_declared_so() {
    let mut site = site();
    let primary = |site: &Infrastructure| resolve_as(&target(Choice::Primary, "webserver"), &View::of(site), 7, 0);
    assert!(primary(&site).is_err());
    site.servers.get_mut("web-2").unwrap().tags.push("primary".into());
    assert_eq!(primary(&site).unwrap().servers, ["web-2"]);
}

#[test]
fn chance_never_draws_who_is_protected() {
    let (site, protected) = (site(), BTreeSet::from(["web-1".to_string(), "web-4".to_string()]));
    let view = View { protected: &protected, ..View::of(&site) };
    let draw = |choice, strike| resolve_as(&target(choice, "webserver"), &view, 7, strike);
    let all: BTreeSet<String> = (0..30).flat_map(|strike| draw(Choice::Random(1), strike).unwrap().servers).collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), ["web-2", "web-3"]);
    assert!(draw(Choice::Random(2), 0).unwrap().why.ends_with("of 2 that may be struck: of all 4, 2 are protected"));
    assert!(draw(Choice::Random(3), 0).is_err());
    assert_eq!(draw(Choice::Share(50.0), 0).unwrap().servers.len(), 2, "half of all four");
    assert!(draw(Choice::Share(51.0), 0).is_err());
}

/// Two balancers, one of which has web-2 out of rotation; web-1 got 30 requests, web-2 and web-3 10 each, web-4 20.
fn sight() -> BalancerView {
    let seen = |requests: [u64; 4], down: &str| {
        let servers = (1..=4).map(|k| format!("web-{k}")).zip(requests);
        servers.map(|(name, requests)| (name.clone(), ServerView { usable: name != down, requests })).collect()
    };
    let by_balancer = [("lb-1".to_string(), seen([20, 10, 5, 20], "web-2")), ("lb-2".into(), seen([10, 0, 5, 0], ""))];
    BalancerView { by_balancer: by_balancer.into() }
}

#[test]
fn the_busiest_got_the_most_requests_over_all_balancers() {
    let (site, sight) = (site(), sight());
    let view = View { balancers: Some(&sight), ..View::of(&site) };
    let chosen = |choice| resolve_as(&target(choice, "webserver"), &view, 7, 0);
    assert_eq!(chosen(Choice::Busiest(1)).unwrap().servers, ["web-1"]);
    assert_eq!(chosen(Choice::Busiest(1)).unwrap().why, "web-1 got 30 requests, the most of 4");
    assert_eq!(chosen(Choice::Busiest(2)).unwrap().servers, ["web-1", "web-4"]);
    let idlest = chosen(Choice::Idlest(1)).unwrap();
    assert!(["web-2", "web-3"].contains(&idlest.servers[0].as_str()));
    assert!(idlest.why.ends_with("the fewest of 4; 1 more with 10 lost the draw"), "{}", idlest.why);
    assert!(chosen(Choice::Busiest(5)).is_err());
    let balancers = resolve_as(&target(Choice::Busiest(1), "load balancer"), &view, 7, 0);
    assert!(balancers.unwrap_err().contains("count the requests of only 0"));
}

#[test]
fn the_unhealthy_are_out_of_rotation_at_any_balancer() {
    let (site, mut sight) = (site(), sight());
    let unhealthy = |sight: &BalancerView| {
        let view = View { balancers: Some(sight), ..View::of(&site) };
        resolve_as(&target(Choice::Unhealthy, "webserver"), &view, 7, 0).map(|selection| selection.servers)
    };
    assert_eq!(unhealthy(&sight).unwrap(), ["web-2"]);
    sight.by_balancer.remove("lb-1");
    assert_eq!(unhealthy(&sight).unwrap_err(), "none of 4 is out of rotation");
    assert!(resolve_as(&target(Choice::Unhealthy, "node"), &View::of(&site), 7, 0).is_err());
}

fn by_graph(selector: &dyn Selector, site: &Infrastructure, role: &str, seed: u64) -> Result<Selection, String> {
    let view = View::of(site);
    let candidates = candidates(&target(Choice::Every, role), site);
    selector.select(&candidates, &view, &mut Draw::of(seed).for_purpose(Purpose::Targets, 0))
}

#[test]
fn the_most_central_is_where_the_paths_lead_through() {
    let chosen = by_graph(&central::MostCentral(1), &site(), "node", 7).unwrap();
    assert_eq!(chosen.servers, ["lb-1"]);
    assert_eq!(chosen.why, "lb-1 has betweenness 0.5333, the highest");
    assert_eq!(by_graph(&central::MostCentral(2), &site(), "node", 7).unwrap().servers, ["lb-1", "lb-2"]);
    assert!(by_graph(&central::MostCentral(3), &site(), "load balancer", 7).is_err());
}

#[test]
fn articulation_points_are_all_that_the_site_falls_apart_without() {
    let chosen = by_graph(&articulation::ArticulationPoints, &plain(), "node", 7).unwrap();
    assert_eq!((chosen.servers, chosen.why.as_str()), (vec!["lb-1".to_string()], "without lb-1 the site falls apart"));
    let why = by_graph(&articulation::ArticulationPoints, &site(), "node", 7).unwrap_err();
    assert!(why.contains("none is an articulation point"), "{why}");
}

#[test]
fn a_server_that_only_its_own_traffic_would_miss_is_no_foreseen_victim_of_a_one_way_cut() {
    use crate::plan::{Parameters, Partition, Schedule, StepText, StrikeOrder};
    let (site, protected) = (site(), BTreeSet::new());
    let from = target(Choice::Named("web-1".into()), "node");
    let order = StrikeOrder {
        fault: "partition".into(),
        with: Parameters::default(),
        target: target(Choice::Every, "webserver"),
        partition: Some(Partition::From(from)),
        step: StepText::default(),
    };
    let foreseen = Foresight::new(&site, &protected, Draw::of(7)).strike(&order, &Schedule::Once);
    assert!(foreseen.to_string().starts_with("hits web-2, web-3, web-4: "), "{foreseen}");
}
