//! The other end of a watcher's lines. What a server says is read with suspicion: a line that contradicts itself or an
//! earlier one ends the stream, and whoever reads is blind with that reason.

use super::{Line, Sight, Thing, Told, Unseen};
use crate::agent::stamp::Within;

/// A server that booted 280 years ago says this.
const LATEST_US: u64 = 1 << 53;

/// What a watcher said of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which, by its place in the order.
    pub thing: usize,
    /// The look, by the server's clock.
    pub at: Within,
    /// When the look before it began, by the same clock; `None` for the first, and where nothing was seen to change.
    pub since_us: Option<u64>,
    /// What it saw, or why nothing; `None`: the same as was said last.
    pub seen: Option<Result<Sight, Unseen>>,
}

/// Why a line is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("the watcher wrote something else than a line of its own: {0}")]
    Line(#[from] serde_json::Error),
    #[error("the watcher speaks of thing {thing}, and was asked for {asked}")]
    Thing { thing: usize, asked: usize },
    #[error("the watcher's clock went backwards, from {before_us} to {now_us} µs")]
    Backwards { before_us: u64, now_us: u64 },
    #[error("the watcher's clock says {0} µs, which no clock that counts from a boot can")]
    Late(u64),
    #[error("the watcher says that nothing changed at thing {0}, and never said what it saw")]
    Unsaid(usize),
    #[error("the watcher saw something at thing {0} that is not what it was asked to look at")]
    Kind(usize),
}

/// Reads the lines of one watcher, in their order.
pub struct Reader {
    things: Vec<Thing>,
    /// The last look at each that was reported.
    last: Vec<Option<Within>>,
    written_us: u64,
}

impl Reader {
    /// A reader of a watcher that was asked for these.
    pub fn new(things: Vec<Thing>) -> Reader {
        let last = vec![None; things.len()];
        Reader { things, last, written_us: 0 }
    }

    /// What the next line says.
    ///
    /// # Errors
    /// When it is no line of a watcher, or contradicts itself or an earlier one.
    pub fn read(&mut self, line: &str) -> Result<Vec<Report>, Malformed> {
        let line: Line = serde_json::from_str(line)?;
        match (self.written_us, line.written_us) {
            (before_us, now_us) if before_us > now_us => return Err(Malformed::Backwards { before_us, now_us }),
            (_, now_us) if now_us > LATEST_US => return Err(Malformed::Late(now_us)),
            (_, now_us) => self.written_us = now_us,
        }
        line.looks.into_iter().map(|told| self.believe(told)).collect()
    }

    /// When the last line was written, by the server's clock.
    pub fn written_us(&self) -> u64 {
        self.written_us
    }

    fn believe(&mut self, told: Told) -> Result<Report, Malformed> {
        let Told { thing, at, since_us, seen } = told;
        let asked = self.things.len();
        let what = self.things.get(thing).ok_or(Malformed::Thing { thing, asked })?;
        let last = self.last[thing];
        let in_order = [last.map(|last| last.not_before_us), since_us, Some(at.not_before_us), Some(at.by_us)];
        let in_order: Vec<u64> = in_order.into_iter().flatten().collect();
        if let Some(wrong) = in_order.windows(2).find(|pair| pair[0] > pair[1]) {
            return Err(Malformed::Backwards { before_us: wrong[0], now_us: wrong[1] });
        }
        if at.by_us > LATEST_US {
            return Err(Malformed::Late(at.by_us));
        }
        match &seen {
            None if last.is_none() => return Err(Malformed::Unsaid(thing)),
            Some(Ok(sight)) if !sight.is_of(what) => return Err(Malformed::Kind(thing)),
            _ => {}
        }
        self.last[thing] = Some(at);
        Ok(Report { thing, at, since_us, seen })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn reader() -> Reader {
        let of = vec![Ipv4Addr::LOCALHOST];
        Reader::new(vec![Thing::Addresses { of }, Thing::Haproxy { socket: "/run/haproxy.sock".into() }])
    }

    fn line(looks: &str) -> String {
        written(1, looks)
    }

    fn written(written_us: u64, looks: &str) -> String {
        format!(r#"{{"written_us":{written_us},"looks":[{looks}]}}"#)
    }

    fn look(not_before_us: u64, by_us: u64, more: &str) -> String {
        format!(r#"{{"thing":0,"at":{{"not_before_us":{not_before_us},"by_us":{by_us}}}{more}}}"#)
    }

    const HOLDS: &str = r#","seen":{"Ok":{"addresses":["127.0.0.1"]}}"#;

    #[test]
    fn a_change_says_what_was_seen_and_a_heartbeat_that_it_is_still_so() {
        let mut reader = reader();
        let first = reader.read(&line(&look(10, 12, HOLDS))).unwrap();
        assert_eq!(first[0].seen, Some(Ok(Sight::Addresses([Ipv4Addr::LOCALHOST].into()))));
        let beat = reader.read(&line(&look(20, 21, ""))).unwrap();
        assert_eq!((beat[0].at.not_before_us, beat[0].seen.clone()), (20, None));
        let gone = look(30, 31, r#","since_us":25,"seen":{"Err":{"silent":"300ms"}}"#);
        let gone = reader.read(&line(&gone)).unwrap();
        assert_eq!((gone[0].since_us, gone[0].seen.as_ref().unwrap().is_err()), (Some(25), true));
    }

    /// Why the second of two lines is not believed.
    fn refused(second: &str) -> String {
        let mut reader = reader();
        reader.read(&line(&look(10, 12, HOLDS))).unwrap();
        reader.read(second).unwrap_err().to_string()
    }

    #[test]
    fn what_contradicts_itself_is_not_believed() {
        assert!(refused("").contains("something else"));
        assert!(refused("watch: not found").contains("something else"));
        assert!(refused(&line(&look(9, 13, ""))).contains("backwards, from 10 to 9"));
        assert!(refused(&line(&look(14, 13, ""))).contains("backwards, from 14 to 13"));
        assert!(refused(&line(&look(14, 15, r#","since_us":20"#))).contains("backwards"));
        assert!(refused(&line(&look(14, 15, r#","since_us":9"#))).contains("backwards"), "it was seen at 10");
        assert!(refused(&line(&look(14, u64::MAX, ""))).contains("no clock that counts from a boot"));
        assert!(refused(&line(&look(14, 15, r#","holders":9"#))).contains("unknown field"));
        assert!(refused(&written(0, "")).contains("backwards, from 1 to 0"));
        assert!(refused(&written(u64::MAX, "")).contains("no clock that counts from a boot"));
        assert!(refused(r#"{"looks":[]}"#).contains("written_us"));
        let other = look(14, 15, "").replace(r#""thing":0"#, r#""thing":7"#);
        assert_eq!(refused(&line(&other)), "the watcher speaks of thing 7, and was asked for 2");
        let unsaid = look(14, 15, "").replace(r#""thing":0"#, r#""thing":1"#);
        assert!(refused(&line(&unsaid)).contains("never said what it saw"));
        let kind = look(14, 15, HOLDS).replace(r#""thing":0"#, r#""thing":1"#);
        assert!(refused(&line(&kind)).contains("not what it was asked to look at"));
    }
}
