//! Plot D: what state every server was in, above what each balancer believed, above who held a virtual IP.

use plotters::style::RGBColor;

use super::canvas::{Anchor, Canvas, svg, text_width};
use super::frame::{AXIS_HEIGHT, Frame, LegendEntry, Swatch, legend, legend_height};
use super::latency;
use super::sheet::SheetSize;
use super::struck::with_faults;
use super::tracks::{self, Paint, Since, Tracks};
use crate::history::History;
use crate::measure::moments::watched;
use crate::palette;
use crate::report::html::timeline::TimelinePlot;

const ROW: i32 = 30;
const HEADING: i32 = 38;
/// More rows than this in one group are not readable; those in which something changed come first.
const MOST_ROWS: usize = 16;
/// The longest name, in characters, that fits beside a row.
const LONGEST_NAME: usize = 14;

/// Stands where nothing could see what a row is about.
const UNSEEN: &str = "not seen";

/// A heading, and its rows.
type HeadedTracks = (&'static str, Tracks);

/// Plot D.
pub fn plot(timeline: &TimelinePlot, history: &History, sheet: SheetSize) -> String {
    let events = watched(history);
    let there = &history.plan.infrastructure;
    let mut groups: Vec<HeadedTracks> =
        vec![("servers, as measured", with_faults(tracks::servers(timeline, events), &timeline.faults))];
    let views = tracks::views(timeline, events);
    if !there.links.is_empty() || !views.is_empty() {
        groups.push(("servers, as the balancers see them", views));
    }
    if !there.virtual_ips.is_empty() {
        groups.push(("holder of the virtual IP", tracks::holders(timeline, events)));
    }
    let height: i32 = groups.iter().map(|(_, group)| HEADING + shown(group).0.len().max(1) as i32 * ROW).sum();
    let (entries, left) = (entries(&groups), sheet.left_of_names());
    let top = legend_height(&entries, (left, sheet.right()));
    let frames = Frame::both(timeline, sheet, top, height).into_iter();
    let frames: Vec<Frame> = frames.map(|(frame, _)| Frame { left: frame.left.max(left), ..frame }).collect();
    let bottom = frames.last().map_or(0, |frame| frame.bottom);
    let size = (sheet.width() as u32, (bottom + AXIS_HEIGHT) as u32);
    svg(size, "States of the servers over time, and the balancers' own view of them", |canvas| {
        for frame in &frames {
            frame.time_axis(canvas);
            let mut y = frame.top;
            for group in &groups {
                y = draw_group(canvas, frame, y, group, timeline);
            }
        }
        legend(canvas, 0, (left, sheet.right()), &entries);
    })
}

/// Only what occurred.
fn entries(groups: &[HeadedTracks]) -> Vec<LegendEntry> {
    const MEANINGS: [(RGBColor, &str); 6] = [
        (palette::SKY, "running, up"),
        (palette::GREY, "starting, or a backup"),
        (palette::ORANGE, "fault in force, frozen, or two holders"),
        (palette::PURPLE, "stopped"),
        (palette::VERMILION, "terminated, down, no holder"),
        (palette::GREEN, "the other holder"),
    ];
    let states = || groups.iter().flat_map(|(_, group)| shown(group).0).flat_map(|(_, states)| states);
    let occurs =
        |colour: RGBColor| states().any(|state| state.paint.as_ref().is_some_and(|paint| paint.colour == colour));
    let colours = MEANINGS.into_iter().filter(|(colour, _)| occurs(*colour));
    let unseen = states().any(|state| state.paint.is_none());
    let unseen = unseen.then(|| (palette::GREY, Swatch::Line, UNSEEN.to_string()));
    colours.map(|(colour, text)| (colour, Swatch::Area(1.0), text.to_string())).chain(unseen).collect()
}

/// Draws a group under its heading; returns where it ends. No line goes through the heading.
fn draw_group(
    canvas: &mut Canvas,
    frame: &Frame,
    top: i32,
    (heading, group): &HeadedTracks,
    timeline: &TimelinePlot,
) -> i32 {
    let (rows, left_out) = shown(group);
    let is_first = frame.left == SheetSize::Wide.left_of_names();
    canvas.rect((frame.left - 1, top), (frame.right + 1, top + HEADING), palette::PAPER, 1.0);
    if is_first {
        let heading = if left_out > 0 { format!("{heading} ({left_out} more, unchanged)") } else { (*heading).into() };
        canvas.bold(&heading, (frame.left, top + HEADING / 2 + 2), Anchor::Start, palette::INK);
    }
    let top = top + HEADING;
    let bottom = top + rows.len().max(1) as i32 * ROW;
    latency::shade(canvas, &Frame { top, bottom, ..frame.clone() }, &timeline.windows);
    if rows.is_empty() {
        canvas.text("unobserved", (frame.left + 6, top + ROW / 2), Anchor::Start, palette::MUTED);
    }
    for (nth, (name, states)) in rows.iter().enumerate() {
        let y = top + nth as i32 * ROW;
        if is_first {
            canvas.text(&short(name), (frame.left - 14, y + ROW / 2), Anchor::End, palette::INK);
        }
        for (nth, state) in states.iter().enumerate() {
            let until_s = states.get(nth + 1).map_or(frame.x_range.1, |next| next.at_s);
            bar(canvas, frame, y, state, until_s);
        }
    }
    if let Some(x) = timeline.t0_s.map(|t0_s| frame.x(t0_s)) {
        canvas.line((x, top), (x, bottom), palette::INK, 2);
    }
    bottom
}

fn bar(canvas: &mut Canvas, frame: &Frame, y: i32, state: &Since, until_s: f64) {
    if until_s <= frame.x_range.0 || state.at_s >= frame.x_range.1 {
        return;
    }
    let (from, to) = (frame.x(state.at_s), frame.x(until_s));
    let middle = y + ROW / 2;
    let fits = |word: &str| text_width(word) + 12 < to - from;
    match &state.paint {
        Some(Paint { colour, word }) => {
            canvas.rect((from, y + 4), (to.max(from + 2), y + ROW - 4), *colour, 1.0);
            if fits(word) {
                canvas.text(word, (from + 8, middle), Anchor::Start, palette::ON_BAR);
            }
        }
        None => {
            let text = if fits(UNSEEN) { text_width(UNSEEN) + 12 } else { 0 };
            canvas.line((from + text, middle), (to, middle), palette::GREY, 3);
            if text > 0 {
                canvas.text(UNSEEN, (from + 8, middle), Anchor::Start, palette::MUTED);
            }
        }
    }
}

/// The rows that fit, those in which something changed first, and how many were left out.
fn shown(group: &Tracks) -> (Vec<(&String, &Vec<Since>)>, usize) {
    let mut rows: Vec<_> = group.iter().collect();
    if rows.len() > MOST_ROWS {
        rows.sort_by_key(|(_, states)| states.iter().filter(|state| state.at_s > 0.0).count() == 0);
        rows.truncate(MOST_ROWS);
        rows.sort_by_key(|(name, _)| *name);
    }
    let left_out = group.len() - rows.len();
    (rows, left_out)
}

fn short(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_string();
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn of_fifty_servers_those_that_changed_are_shown() {
        let since = |at_s| Since { at_s, paint: Some(Paint { colour: palette::SKY, word: String::new() }) };
        let mut group: Tracks = (0..50).map(|n| (format!("web-{n:02}"), vec![since(-1.0)])).collect();
        group.get_mut("web-49").unwrap().push(since(3.0));
        let (rows, left_out) = shown(&group);
        assert_eq!((rows.len(), left_out), (MOST_ROWS, 34));
        assert!(rows.iter().any(|(name, _)| *name == "web-49"));
    }

    #[test]
    fn what_nobody_observed_reads_unobserved() {
        let mut history = sample::history(0);
        let timeline = TimelinePlot::of(&history, &sample::run().record.scenarios[0], 1).unwrap();
        history.events.clear();
        assert_eq!(plot(&timeline, &history, SheetSize::Narrow).matches("unobserved").count(), 3 * 2, "in both frames");
        history.plan.infrastructure.virtual_ips.clear();
        assert!(!plot(&timeline, &history, SheetSize::Wide).contains("virtual IP"), "there is none to be held");
        history.plan.infrastructure.links.clear();
        assert!(!plot(&timeline, &history, SheetSize::Wide).contains("balancers see"), "no server balances another");
    }
}
