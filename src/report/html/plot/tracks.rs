//! The rows of plot D: in which state each server was, what each balancer said of its servers, and who held a virtual IP.
//!
//! What nothing could see is not drawn as if it went on: a row is not seen while its observer is blind, and what a balancer
//! said last is gone when the balancer is.

use std::collections::BTreeMap;

use plotters::style::RGBColor;

use crate::history::{Event, Record};
use crate::instance::PowerState;
use crate::measure::sight::{BALANCER, INSTANCES, VIRTUAL_IP};
use crate::palette;
use crate::report::html::timeline::TimelinePlot;

/// How something looked.
#[derive(Debug, Clone, PartialEq)]
pub struct Paint {
    pub colour: RGBColor,
    /// Written into the bar where it fits.
    pub word: String,
}

/// Something that was so from a moment on.
#[derive(Debug, Clone, PartialEq)]
pub struct Since {
    pub at_s: f64,
    /// `None` where it was not seen.
    pub paint: Option<Paint>,
}

/// The rows of one heading, in the order of their names.
pub type Tracks = BTreeMap<String, Vec<Since>>;

/// A row while it is put together.
#[derive(Debug, Default)]
struct Track {
    states: Vec<Since>,
    /// How it looked last, seen or not.
    last: Option<Paint>,
    hidden: bool,
}

impl Track {
    fn paint(&mut self, at_s: f64, paint: Paint) {
        self.last = Some(paint);
        if !self.hidden {
            self.push(at_s, self.last.clone());
        }
    }

    fn hide(&mut self, at_s: f64, hidden: bool) {
        if hidden == self.hidden {
            return;
        }
        self.hidden = hidden;
        let paint = self.last.clone().filter(|_| !hidden);
        // What was never seen is not hidden either, and what was forgotten is not seen again.
        if hidden != paint.is_some() && !(hidden && self.states.is_empty()) {
            self.push(at_s, paint);
        }
    }

    /// The moment of a blindness reaches back to the last look that saw, but not before what that look saw.
    fn push(&mut self, at_s: f64, paint: Option<Paint>) {
        let last = self.states.last();
        let at_s = last.map_or(at_s, |last| at_s.max(last.at_s));
        // What looks as before goes on.
        if last.is_none_or(|last| last.paint != paint) {
            self.states.push(Since { at_s, paint });
        }
    }
}

/// What is on record, with the moments as they are drawn.
struct OnAxis<'a> {
    timeline: &'a TimelinePlot,
    records: &'a [Record],
}

impl<'a> OnAxis<'a> {
    fn events(&self) -> impl Iterator<Item = (f64, &'a Event)> {
        self.records.iter().map(|record| (self.timeline.since_zero_s(record.at_us), &record.event))
    }

    /// Each turn of an observer: when, what it watches, and whether it is blind to that from then on.
    fn turn(&self, record: &'a Record, of_observer: &str) -> Option<(f64, &'a str, bool)> {
        match &record.event {
            Event::ObserverBlind { observer, of, .. } if observer == of_observer => {
                let since_us = record.at_us.saturating_sub(record.resolution_us);
                Some((self.timeline.since_zero_s(since_us), of, true))
            }
            Event::ObserverSees { observer, of } if observer == of_observer => {
                Some((self.timeline.since_zero_s(record.at_us), of, false))
            }
            _ => None,
        }
    }
}

fn finished(tracks: BTreeMap<String, Track>) -> Tracks {
    tracks.into_iter().map(|(name, track)| (name, track.states)).collect()
}

fn plain(colour: RGBColor) -> Paint {
    Paint { colour, word: String::new() }
}

/// In which state each server was, as measured.
pub fn servers(timeline: &TimelinePlot, records: &[Record]) -> Tracks {
    let told = OnAxis { timeline, records };
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    for record in records {
        if let Some((at_s, _, blind)) = told.turn(record, INSTANCES) {
            tracks.values_mut().for_each(|track| track.hide(at_s, blind));
        }
        let (server, paint) = match &record.event {
            Event::InstanceBooted { server, .. } | Event::InstanceFound { server, .. } => {
                (server, plain(palette::GREY))
            }
            Event::ServerReady { server, .. } => (server, plain(palette::SKY)),
            Event::InstanceState { server, state: PowerState::Running, .. } => {
                // Running is less than ready: while it starts, it goes on starting.
                let last = tracks.get(server).and_then(|track| track.last.as_ref());
                if last.is_some_and(|last| last.colour == palette::GREY) {
                    continue;
                }
                (server, plain(palette::SKY))
            }
            Event::InstanceState { server, state, .. } => {
                (server, Paint { colour: state_colour(*state), word: state.to_string() })
            }
            _ => continue,
        };
        tracks.entry(server.clone()).or_default().paint(timeline.since_zero_s(record.at_us), paint);
    }
    finished(tracks)
}

fn state_colour(state: PowerState) -> RGBColor {
    match state {
        PowerState::Running => palette::SKY,
        PowerState::Frozen => palette::ORANGE,
        PowerState::Stopped => palette::PURPLE,
        PowerState::Terminated => palette::VERMILION,
    }
}

/// A balancer whose view is on record.
#[derive(Debug)]
struct Balancer<'a> {
    instance: Option<&'a str>,
    runs: bool,
    is_looked_at: bool,
    /// By the name of the server.
    views: BTreeMap<&'a str, Track>,
}

impl<'a> Balancer<'a> {
    fn new() -> Balancer<'a> {
        Balancer { instance: None, runs: true, is_looked_at: true, views: BTreeMap::new() }
    }

    /// Takes in what became of its instance.
    fn power(&mut self, at_s: f64, event: &'a Event) {
        match event {
            Event::InstanceBooted { instance, .. } | Event::InstanceFound { instance, .. } => {
                // A new process has yet to say what it thinks.
                self.views.values_mut().for_each(|view| view.last = None);
                (self.instance, self.runs) = (Some(instance.as_str()), true);
            }
            Event::InstanceState { instance, state, .. } if self.instance.is_none_or(|own| own == instance) => {
                self.runs = *state == PowerState::Running;
            }
            _ => {}
        }
        self.hide(at_s);
    }

    fn hide(&mut self, at_s: f64) {
        let hidden = !(self.runs && self.is_looked_at);
        self.views.values_mut().for_each(|view| view.hide(at_s, hidden));
    }
}

/// What each balancer said of its servers, as long as it ran and could be looked at.
pub fn views(timeline: &TimelinePlot, records: &[Record]) -> Tracks {
    let told = OnAxis { timeline, records };
    let mut balancers: BTreeMap<&str, Balancer<'_>> = told
        .events()
        .filter_map(|(_, event)| match event {
            Event::BalancerView { balancer, .. } => Some((balancer.as_str(), Balancer::new())),
            _ => None,
        })
        .collect();
    for (record, (at_s, event)) in records.iter().zip(told.events()) {
        if let Some((at_s, of, blind)) = told.turn(record, BALANCER)
            && let Some(balancer) = balancers.get_mut(of)
        {
            balancer.is_looked_at = !blind;
            balancer.hide(at_s);
        }
        match event {
            Event::InstanceBooted { server, .. }
            | Event::InstanceFound { server, .. }
            | Event::InstanceState { server, .. } => {
                if let Some(balancer) = balancers.get_mut(server.as_str()) {
                    balancer.power(at_s, event);
                }
            }
            Event::BalancerView { balancer, server, .. } => {
                let Some(balancer) = balancers.get_mut(balancer.as_str()) else { continue };
                let hidden = !(balancer.runs && balancer.is_looked_at);
                let view = balancer.views.entry(server).or_insert(Track { hidden, ..Track::default() });
                view.paint(at_s, view_paint(event));
            }
            _ => {}
        }
    }
    let rows = balancers.into_iter().flat_map(|(name, balancer)| {
        balancer.views.into_iter().map(move |(server, track)| (format!("{name}: {server}"), track))
    });
    finished(rows.collect())
}

fn view_paint(event: &Event) -> Paint {
    match event {
        Event::BalancerView { up: true, .. } => plain(palette::SKY),
        Event::BalancerView { standby: true, .. } => Paint { colour: palette::GREY, word: "backup, stands by".into() },
        Event::BalancerView { status, check, .. } => {
            Paint { colour: palette::VERMILION, word: format!("{status} {check}") }
        }
        _ => plain(palette::GREY),
    }
}

/// Which servers held each virtual IP.
pub fn holders(timeline: &TimelinePlot, records: &[Record]) -> Tracks {
    let told = OnAxis { timeline, records };
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    let mut known: Vec<&String> = Vec::new();
    for record in records {
        if let Some((at_s, of, blind)) = told.turn(record, VIRTUAL_IP)
            && let Some(track) = tracks.get_mut(of)
        {
            track.hide(at_s, blind);
        }
        let Event::VirtualIpHolders { name, holders } = &record.event else { continue };
        known.extend(holders.iter().filter(|holder| !known.contains(holder)).collect::<Vec<_>>());
        let colour = match &holders[..] {
            [] => palette::VERMILION,
            // Neighbouring bars differ, so that a takeover shows.
            [one] if known.iter().position(|holder| *holder == one).unwrap_or(0) % 2 == 1 => palette::GREEN,
            [_] => palette::SKY,
            _ => palette::ORANGE,
        };
        let word = if holders.is_empty() { "no holder".into() } else { holders.join(" and ") };
        let at_s = timeline.since_zero_s(record.at_us);
        tracks.entry(name.clone()).or_default().paint(at_s, Paint { colour, word });
    }
    finished(tracks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::measure::moments::watched;
    use crate::report::sample;

    fn sampled() -> (TimelinePlot, Vec<Record>) {
        let run = sample::run();
        let history = &sample::history(0);
        (TimelinePlot::of(history, &run.record.scenarios[0], 1).unwrap(), history.events.clone())
    }

    fn colours(states: &[Since]) -> Vec<Option<RGBColor>> {
        states.iter().map(|state| state.paint.as_ref().map(|paint| paint.colour)).collect()
    }

    /// What is drawn of a balancer's view of a server, in milliseconds of the run's clock: until when it was seen, and when
    /// again.
    fn seen(script: &Script, row: &str) -> Vec<(i64, bool)> {
        let history = script.history();
        let record = crate::judge::judge(&history);
        let timeline = TimelinePlot::of(&history, &record, 1).unwrap();
        let drawn = views(&timeline, watched(&history));
        let zero_ms = -timeline.since_zero_s(0) * 1e3;
        drawn[row].iter().map(|state| ((state.at_s * 1e3 + zero_ms).round() as i64, state.paint.is_some())).collect()
    }

    #[test]
    fn a_dead_server_is_terminated_then_starting_then_running() {
        let (timeline, events) = sampled();
        let expected = [palette::GREY, palette::SKY, palette::VERMILION, palette::GREY, palette::SKY].map(Some);
        assert_eq!(colours(&servers(&timeline, &events)["lb-1"]), expected);
    }

    #[test]
    fn the_virtual_ip_was_held_by_nobody_for_a_while() {
        let (timeline, events) = sampled();
        let words: Vec<String> =
            holders(&timeline, &events)["www"].iter().map(|state| state.paint.clone().unwrap().word).collect();
        assert_eq!(words, ["lb-1", "no holder", "lb-2", "lb-1"]);
    }

    #[test]
    fn a_dead_balancers_view_of_its_servers_is_not_seen_from_its_death_on() {
        let (timeline, events) = sampled();
        let views = views(&timeline, &events);
        assert_eq!(colours(&views["lb-1: web-1"]), [Some(palette::SKY), None], "its successor has said nothing yet");
        assert!((views["lb-1: web-1"][1].at_s - 6.005).abs() < 1e-6, "when it was found terminated");
        assert_eq!(colours(&views["lb-2: web-1"]), [Some(palette::SKY)]);
    }

    #[test]
    fn a_view_is_back_when_its_observer_sees_again_and_after_a_new_boot_only_when_it_is_told_again() {
        let blind = Script::website(2, 2).view(5000, "lb-1", "web-1", "UP").blind(7000, BALANCER, "lb-1");
        let blind = blind.sees_again(9000, BALANCER, "lb-1");
        let turns = seen(&blind, "lb-1: web-1");
        assert_eq!(turns[turns.len() - 2..], [(7000, false), (9000, true)]);
        let dead = Script::website(2, 2).view(5000, "lb-1", "web-1", "UP");
        let dead = dead.state(7000, "lb-1", 1, PowerState::Terminated).replaced(8000, 9000, 9500, "lb-1");
        assert_eq!(seen(&dead, "lb-1: web-1").last(), Some(&(7000, false)));
        let told = dead.view(9600, "lb-1", "web-1", "UP");
        assert_eq!(seen(&told, "lb-1: web-1").last(), Some(&(9600, true)));
    }
}
