//! The two sides of a partition: servers drawn by chance for one side are not on the other.

use super::{Selection, View, resolve};
use crate::draw::{Draw, Purpose};
use crate::plan::Target;

/// Resolves both sides of a partition. A side that is drawn by chance is drawn from the servers that are not on the other
/// side: `between 2 random webservers and a random webserver` draws two, and one of those that are left. Where only
/// one side is drawn and the other leaves too few servers (`between a random webserver and every webserver`), it is
/// drawn from all. `number` is the strike's.
///
/// # Errors
/// As [`resolve`], for either side.
pub fn sides(
    near: &Target,
    far: &Target,
    view: &View,
    draw: Draw,
    number: u64,
) -> Result<(Selection, Selection), String> {
    let avoiding = |target: &Target, purpose, other_side: &[String]| {
        let view = View { other_side, ..*view };
        resolve(target, &view, &mut draw.for_purpose(purpose, number))
    };
    let near_is_drawn = near.choice.is_drawn();
    if near_is_drawn && !far.choice.is_drawn() {
        let far = avoiding(far, Purpose::OtherSide, &[])?;
        let near = avoiding(near, Purpose::Targets, &far.servers).or_else(|_| avoiding(near, Purpose::Targets, &[]))?;
        return Ok((near, far));
    }
    let near = avoiding(near, Purpose::Targets, &[])?;
    let left = avoiding(far, Purpose::OtherSide, &near.servers);
    let far = if near_is_drawn { left? } else { left.or_else(|_| avoiding(far, Purpose::OtherSide, &[]))? };
    Ok((near, far))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    use super::*;
    use crate::infrastructure::Infrastructure;
    use crate::infrastructure::tiers::Draft;
    use crate::plan::Choice;

    /// Four webservers in each of two zones. Built once: its roles are parsed and checked.
    static SITE: LazyLock<Infrastructure> = LazyLock::new(|| {
        let mut draft = Draft::default();
        draft.behind_haproxy(8, "webserver").unwrap();
        draft.spread("webserver", 2).unwrap();
        draft.build().unwrap()
    });

    fn webservers(choice: Choice, zone: Option<&str>) -> Target {
        let zone = zone.map(Into::into);
        Target { choice, role: "webserver".into(), zone, tag: None, text: "webservers".into() }
    }

    fn drawn(near: &Target, far: &Target, seed: u64) -> Result<(Vec<String>, Vec<String>), String> {
        let (near, far) = sides(near, far, &View::of(&SITE), Draw::of(seed), 0)?;
        Ok((near.servers, far.servers))
    }

    /// How often each pair comes up with the seeds from 0 on; each side is one server.
    fn pairs(near: &Target, far: &Target, seeds: u64) -> BTreeMap<(String, String), u32> {
        let mut pairs = BTreeMap::new();
        for seed in 0..seeds {
            let (near, far) = drawn(near, far, seed).unwrap();
            *pairs.entry((near[0].clone(), far[0].clone())).or_insert(0) += 1;
        }
        pairs
    }

    #[test]
    fn every_pair_of_two_tiers_comes_up_about_as_often() {
        let one_of = |zone| webservers(Choice::Random(1), Some(zone));
        let pairs = pairs(&one_of("a"), &one_of("b"), 1600);
        assert_eq!(pairs.len(), 16, "{pairs:?}");
        let bounds = 60..=140;
        assert!(pairs.values().all(|count| bounds.contains(count)), "100 ± 10 are expected of each: {pairs:?}");
    }

    #[test]
    fn two_servers_drawn_from_one_tier_are_two_and_every_pair_comes_up() {
        let any = webservers(Choice::Random(1), None);
        let pairs = pairs(&any, &any, 2800);
        assert_eq!(pairs.len(), 8 * 7, "{pairs:?}");
        assert!(pairs.keys().all(|(near, far)| near != far));
    }

    #[test]
    fn the_far_side_is_drawn_from_those_that_are_left() {
        for seed in 0..200 {
            let (near, far) =
                drawn(&webservers(Choice::Random(7), None), &webservers(Choice::Random(1), None), seed).unwrap();
            assert!(near.len() == 7 && far.len() == 1 && !near.contains(&far[0]), "{near:?} {far:?}");
            let (near, far) =
                drawn(&webservers(Choice::Share(50.0), None), &webservers(Choice::Share(50.0), None), seed).unwrap();
            assert!(near.len() == 4 && far.len() == 4 && far.iter().all(|name| !near.contains(name)));
        }
        let why = drawn(&webservers(Choice::Random(7), None), &webservers(Choice::Random(2), None), 7).unwrap_err();
        assert_eq!(why, "2 were asked for, and only 1 may be struck: of all 8, 7 are on the opposite side");
    }

    #[test]
    fn a_side_that_is_drawn_is_never_on_the_side_that_is_named() {
        let (named, any) = (webservers(Choice::Named("web-3".into()), None), webservers(Choice::Random(1), None));
        for seed in 0..100 {
            assert_ne!(drawn(&named, &any, seed).unwrap().1, ["web-3"]);
            assert_ne!(drawn(&any, &named, seed).unwrap().0, ["web-3"]);
        }
    }

    #[test]
    fn one_against_all_is_drawn_from_all() {
        let (any, every) = (webservers(Choice::Random(1), None), webservers(Choice::Every, None));
        let near: std::collections::BTreeSet<_> = (0..100).map(|seed| drawn(&any, &every, seed).unwrap().0).collect();
        assert_eq!(near.len(), 8);
        let far: std::collections::BTreeSet<_> = (0..100).map(|seed| drawn(&every, &any, seed).unwrap().1).collect();
        assert_eq!(far.len(), 8);
    }

    #[test]
    fn the_same_seed_draws_the_same_sides() {
        let any = webservers(Choice::Random(2), None);
        assert_eq!(drawn(&any, &any, 7), drawn(&any, &any, 7));
    }
}
