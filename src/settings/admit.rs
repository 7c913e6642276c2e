//! Which strikes the safeguards admit: pure, before anything is touched.

use std::collections::BTreeSet;
use std::fmt;

use super::{Group, Limit, Most, Safeguards};
use crate::infrastructure::{Infrastructure, Server};

impl Safeguards {
    /// Whether `victims` may be struck while `struck_now` still are: servers that were struck and neither healed nor
    /// replaced since. Who is in both counts once.
    ///
    /// # Errors
    /// In words: who is protected, or which limit would be exceeded and by whom.
    pub(crate) fn admit(
        &self,
        infrastructure: &Infrastructure,
        struck_now: &BTreeSet<String>,
        victims: &[String],
    ) -> Result<(), String> {
        let protected = self.protected(infrastructure);
        if let Some(victim) = victims.iter().find(|victim| protected.contains(*victim)) {
            return Err(format!("{victim} is protected"));
        }
        let together: BTreeSet<&String> = struck_now.iter().chain(victims).collect();
        self.limits.iter().try_for_each(|limit| limit.keeps(infrastructure, &together))
    }

    /// The servers that are never struck.
    pub(crate) fn protected(&self, infrastructure: &Infrastructure) -> BTreeSet<String> {
        let is_protected = |server: &&Server| {
            self.protected.contains(&server.name) || server.tags.iter().any(|tag| self.protected_tags.contains(tag))
        };
        infrastructure.servers.values().filter(is_protected).map(|server| server.name.clone()).collect()
    }
}

impl Limit {
    /// How many servers of its group may be struck at once; a share is rounded down.
    pub(crate) fn servers(&self, infrastructure: &Infrastructure) -> usize {
        match self.at_most {
            Most::Servers(count) => count,
            Most::Percent(percent) => (self.group(infrastructure).len() as f64 * percent.0 / 100.0).floor() as usize,
        }
    }

    fn group<'i>(&self, infrastructure: &'i Infrastructure) -> Vec<&'i Server> {
        infrastructure.servers.values().filter(|server| self.of.has(infrastructure, server)).collect()
    }

    fn keeps(&self, infrastructure: &Infrastructure, struck: &BTreeSet<&String>) -> Result<(), String> {
        let group = self.group(infrastructure);
        let hit: Vec<&str> =
            group.iter().filter(|server| struck.contains(&server.name)).map(|server| server.name.as_str()).collect();
        let most = self.servers(infrastructure);
        if hit.len() <= most {
            return Ok(());
        }
        let (there, of) = (group.len(), &self.of);
        Err(format!("{} of {there} of {of} would be struck at once ({}), more than {most}", hit.len(), hit.join(", ")))
    }
}

impl Group {
    /// Whether a server belongs to it.
    pub(crate) fn has(&self, infrastructure: &Infrastructure, server: &Server) -> bool {
        match self {
            Group::Role(word) => infrastructure.servers_called(word).iter().any(|called| called.name == server.name),
            Group::Zone(zone) => server.zone.as_ref() == Some(zone),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Group::Role(word) => write!(f, "the {word}s"),
            Group::Zone(zone) => write!(f, "zone \"{zone}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;
    use crate::units::Percent;

    /// Four webservers in two zones behind two balancers.
    fn site() -> Infrastructure {
        let mut draft = Draft::default();
        draft.behind_haproxy(4, "webserver").unwrap();
        draft.spread("node", 2).unwrap();
        let mut site = draft.build().unwrap();
        site.servers.get_mut("web-4").unwrap().tags.push("production".into());
        site
    }

    fn admitted(safeguards: &Safeguards, struck: &[&str], victims: &[&str]) -> Result<(), String> {
        let struck = struck.iter().map(ToString::to_string).collect();
        let victims: Vec<String> = victims.iter().map(ToString::to_string).collect();
        safeguards.admit(&site(), &struck, &victims)
    }

    fn at_most(of: Group, at_most: Most) -> Safeguards {
        Safeguards { limits: vec![Limit { of, at_most }], ..Safeguards::default() }
    }

    fn webservers(at_most_pct: f64) -> Safeguards {
        at_most(Group::Role("webserver".into()), Most::Percent(Percent(at_most_pct)))
    }

    #[test]
    fn without_safeguards_everybody_may_be_struck() {
        assert_eq!(admitted(&Safeguards::default(), &["web-1"], &["web-2", "lb-1", "lb-2"]), Ok(()));
    }

    #[test]
    fn who_is_protected_by_name_or_tag_is_never_struck() {
        let guards = Safeguards {
            protected: vec!["lb-1".into()],
            protected_tags: vec!["production".into()],
            ..Safeguards::default()
        };
        assert_eq!(admitted(&guards, &[], &["web-1", "lb-2"]), Ok(()));
        assert_eq!(admitted(&guards, &[], &["web-1", "lb-1"]).unwrap_err(), "lb-1 is protected");
        assert_eq!(admitted(&guards, &[], &["web-4"]).unwrap_err(), "web-4 is protected");
    }

    #[test]
    fn strikes_that_are_not_over_count() {
        let guards = webservers(50.0);
        assert_eq!(admitted(&guards, &["web-1"], &["web-2"]), Ok(()));
        let why = admitted(&guards, &["web-1", "web-2"], &["web-3"]).unwrap_err();
        assert_eq!(why, "3 of 4 of the webservers would be struck at once (web-1, web-2, web-3), more than 2");
    }

    #[test]
    fn the_same_server_twice_counts_once_and_others_do_not() {
        let guards = webservers(50.0);
        assert_eq!(admitted(&guards, &["web-1", "web-2"], &["web-1"]), Ok(()));
        assert_eq!(admitted(&guards, &["web-1", "web-2"], &["lb-1", "lb-2"]), Ok(()));
    }

    #[test]
    fn a_share_is_rounded_down_and_a_zone_is_a_group() {
        assert_eq!(admitted(&webservers(74.0), &[], &["web-1", "web-2"]), Ok(()));
        assert!(admitted(&webservers(74.0), &[], &["web-1", "web-2", "web-3"]).is_err());
        assert!(admitted(&webservers(24.0), &[], &["web-1"]).is_err());
        let zone = at_most(Group::Zone("a".into()), Most::Servers(1));
        assert_eq!(admitted(&zone, &["lb-2"], &["web-1"]), Ok(()));
        assert!(admitted(&zone, &["lb-1"], &["web-1"]).unwrap_err().contains("zone \"a\""));
    }
}
