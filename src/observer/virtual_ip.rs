//! Who holds a virtual IP, read from the kernel of each server that may.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::holders::{Change, Holders, Settled};
use super::process::has_addresses;
use super::source::{News, Source};
use super::{Look, Observer, ObserverError};
use crate::agent::watch::{Sight, Thing};
use crate::history::Event;
use crate::instance::Between;

/// Looks at the addresses of every possible holder each 10 ms. It is blind while it cannot look at one of those that live.
pub struct VirtualIpObserver {
    name: String,
    address: Ipv4Addr,
    candidates: Vec<Candidate>,
    /// What the candidates' looks say, where they are not all made from here.
    holders: Holders,
    publish: Option<watch::Sender<Option<String>>>,
    known: Option<Vec<String>>,
    /// Whether that came from looks that were not all made from here.
    listens: bool,
    /// Why some could not be looked at, until all are known to have been seen again.
    unseen: Option<ObserverError>,
    /// The look that saw the last of them again, by begin and end.
    regained: Option<(u64, u64)>,
}

/// Whether all candidates can be looked at from here, at once.
enum FromHere {
    /// Those that hold it now.
    Holders(Vec<String>),
    /// Not all can be seen now.
    Blind(ObserverError),
    /// Some are looked at from elsewhere.
    Elsewhere,
}

/// A server that may hold it.
struct Candidate {
    source: Source,
    /// Whether it holds it, by its last look that saw.
    said: Option<bool>,
    /// Until when it is known whether it does.
    seen_to_us: u64,
    blind: bool,
}

impl VirtualIpObserver {
    /// What is looked at on each candidate.
    pub(super) fn thing(address: Ipv4Addr) -> Thing {
        Thing::Addresses { of: vec![address] }
    }

    /// `sources` has [that](Self::thing) of each candidate. `publish` gets the holder of the site's own address.
    pub(super) fn new(
        name: &str,
        address: Ipv4Addr,
        sources: Vec<Source>,
        publish: Option<watch::Sender<Option<String>>>,
    ) -> Self {
        let candidate = |source| Candidate { source, said: None, seen_to_us: 0, blind: true };
        let candidates: Vec<Candidate> = sources.into_iter().map(candidate).collect();
        let holders = Holders::new(candidates.len());
        VirtualIpObserver {
            name: name.into(),
            address,
            candidates,
            holders,
            publish,
            known: None,
            listens: false,
            unseen: None,
            regained: None,
        }
    }
}

#[async_trait]
impl Observer for VirtualIpObserver {
    fn watches(&self) -> (String, String) {
        ("virtual ip".into(), self.name.clone())
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(10)
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let seen = match self.looked_from_here() {
            FromHere::Holders(holders) => {
                let (at_us, since_us) = (look.now_us(), look.since_us());
                self.note(look, at_us, since_us, Some(holders));
                self.listens = false;
                Ok(())
            }
            FromHere::Blind(why) => Err(why),
            FromHere::Elsewhere => self.listen(look).await,
        };
        if seen.is_err() {
            self.publish(None);
            // What comes by a stream is known from its stamps; what is seen from here next is news.
            self.known = self.known.take().filter(|_| self.listens);
        }
        seen
    }
}

impl VirtualIpObserver {
    /// A server whose instance is gone holds nothing.
    fn looked_from_here(&self) -> FromHere {
        let mut holders = Vec::new();
        for candidate in &self.candidates {
            let held = match candidate.source.near() {
                Ok(Some(process)) => has_addresses(process, &[self.address]).map_err(ObserverError::from),
                Ok(None) => return FromHere::Elsewhere,
                Err(ObserverError::Absent(_)) => Ok(BTreeSet::new()),
                Err(why) => Err(why),
            };
            match held {
                Ok(held) => holders.extend((!held.is_empty()).then(|| candidate.source.server().to_string())),
                Err(why) => return FromHere::Blind(why),
            }
        }
        FromHere::Holders(holders)
    }

    /// Takes what each candidate's looks say, wherever they are made.
    async fn listen(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        self.listens = true;
        let mut lost = Vec::new();
        for (number, candidate) in self.candidates.iter_mut().enumerate() {
            let news = candidate.source.news(look).await;
            let now_us = look.now_us();
            self.regained = self.regained.max(candidate.regains(&news, now_us));
            candidate.tell(number, &news, now_us, &mut self.holders);
            if candidate.blind {
                let since_us = news.blind_since_us(now_us);
                lost.extend(news.sees.err().map(|why| (since_us, candidate.source.server().to_string(), why)));
            }
        }
        let to_us = self.candidates.iter().map(|candidate| candidate.seen_to_us).min().unwrap_or(0);
        for Settled { at_us, since_us, holders } in self.holders.settle(to_us) {
            let name = |number: &usize| self.candidates[*number].source.server().to_string();
            let holders = holders.map(|holders| holders.iter().map(name).collect());
            self.note(look, at_us, since_us, holders);
        }
        self.judge(look, lost, to_us)
    }

    /// Whether it sees, by those that can't be looked at now, and why not.
    fn judge(
        &mut self,
        look: &mut Look<'_>,
        lost: Vec<(u64, String, ObserverError)>,
        to_us: u64,
    ) -> Result<(), ObserverError> {
        if let Some((_, _, why)) = lost.first() {
            let servers = lost.iter().map(|(_, server, _)| server.clone()).collect();
            let why = ObserverError::At { servers, why: Box::new(why.clone()) };
            look.turn(lost.iter().map(|(since_us, ..)| *since_us).min().unwrap_or(0), Err(&why));
            self.unseen = Some(why.clone());
            return Err(why);
        }
        match (&self.unseen, self.regained) {
            // Who holds it by then is still to be settled.
            (Some(why), Some((began_us, _))) if began_us > to_us => return Err(why.clone()),
            (_, regained) => look.turn(regained.map_or_else(|| look.now_us(), |(_, by_us)| by_us), Ok(())),
        }
        (self.unseen, self.regained) = (None, None);
        self.publish(self.known.as_ref());
        Ok(())
    }

    /// While one of them can't be seen, it is not known who holds it, and whatever is seen next is news.
    fn note(&mut self, look: &mut Look<'_>, at_us: u64, since_us: u64, holders: Option<Vec<String>>) {
        if self.known == holders {
            return;
        }
        if let Some(holders) = holders.clone() {
            look.changed_at(at_us, since_us, Event::VirtualIpHolders { name: self.name.clone(), holders });
        }
        self.publish(holders.as_ref());
        self.known = holders;
    }

    fn publish(&self, holders: Option<&Vec<String>>) {
        let holder = holders.and_then(|holders| holders.first()).cloned();
        if let Some(publish) = &self.publish {
            publish.send_if_modified(|before| std::mem::replace(before, holder.clone()) != holder);
        }
    }
}

impl Candidate {
    /// The look that saw it again, by begin and end, if it was blind and these news end that.
    fn regains(&mut self, news: &News, now_us: u64) -> Option<(u64, u64)> {
        let is_gone = matches!(news.sees, Err(ObserverError::Absent(_)));
        let was_blind = std::mem::replace(&mut self.blind, news.sees.is_err() && !is_gone);
        let first = news.glimpses.iter().find(|glimpse| glimpse.seen.is_ok());
        let first = first.map(|glimpse| (glimpse.at.not_before_us, glimpse.at.by_us));
        let gone = news.gone.filter(|_| is_gone).map(|gone| (gone.by_us, gone.by_us));
        let first = gone.or(first).unwrap_or((now_us, now_us));
        (was_blind && !self.blind).then_some(first)
    }

    /// Says what these news say of it.
    fn tell(&mut self, candidate: usize, news: &News, now_us: u64, holders: &mut Holders) {
        let mut change = |since_us, at_us, holds| holders.add(Change { candidate, since_us, at_us, holds });
        for glimpse in &news.glimpses {
            let at_us = (glimpse.at.not_before_us, glimpse.at.by_us);
            match &glimpse.seen {
                Ok(Some(Sight::Addresses(held))) => {
                    self.said = Some(!held.is_empty());
                    change(glimpse.since_us, at_us, self.said);
                }
                Ok(_) => change(glimpse.at.not_before_us, at_us, self.said),
                Err(_) => change(glimpse.since_us, at_us, None),
            }
            self.seen_to_us = self.seen_to_us.max(glimpse.at.not_before_us);
        }
        // One that was never there has not changed.
        let seen_to_us = if self.seen_to_us == 0 { now_us } else { self.seen_to_us };
        match (&news.sees, news.seen_to_us) {
            // It was gone by then, and has held nothing since.
            (Err(ObserverError::Absent(_)), _) => {
                let Between { since_us, by_us } = news.gone.unwrap_or(Between { since_us: seen_to_us, by_us: now_us });
                let (since_us, by_us) = (since_us.max(seen_to_us), by_us.max(seen_to_us));
                change(since_us, (by_us, by_us), Some(false));
            }
            // What it did not report yet may still come.
            (Ok(()) | Err(ObserverError::Quiet { .. }), Some(to_us)) => {
                self.seen_to_us = self.seen_to_us.max(to_us);
                return;
            }
            _ => change(seen_to_us, (seen_to_us, seen_to_us), None),
        }
        self.seen_to_us = now_us;
    }
}

#[cfg(test)]
#[path = "virtual_ip_tests.rs"]
mod tests;
