//! Plot D: what state every server was in, above what each balancer believed, above who held a virtual IP.

use plotters::style::RGBColor;

use super::canvas::{Anchor, Canvas, svg, text_width};
use super::frame::{AXIS_HEIGHT, Frame, LEFT, WIDTH, legend};
use super::latency;
use super::tracks::{self, Group, Look, Since};
use crate::history::History;
use crate::measure::moments::watched;
use crate::palette;
use crate::report::html::timeline::Timeline;

const ROW: i32 = 30;
const HEADING: i32 = 38;
const LEGEND_HEIGHT: i32 = 46;
/// More rows than this in one group are not readable; those in which something changed come first.
const MOST_ROWS: usize = 16;
/// The longest name, in characters, that fits beside a row.
const LONGEST_NAME: usize = 14;

/// Stands where nothing could see what a row is about.
const UNSEEN: &str = "not seen";

/// Plot D.
pub fn plot(timeline: &Timeline, history: &History) -> String {
    let events = watched(history);
    let mut groups = vec![
        ("servers, as measured", tracks::servers(timeline, events)),
        ("as the balancers see them", tracks::views(timeline, events)),
    ];
    if !history.plan.infrastructure.virtual_ips.is_empty() {
        groups.push(("holder of the virtual IP", tracks::holders(timeline, events)));
    }
    let height: i32 = groups.iter().map(|(_, group)| HEADING + shown(group).0.len().max(1) as i32 * ROW).sum();
    let frames: Vec<Frame> =
        Frame::side_by_side(timeline, LEGEND_HEIGHT, height).into_iter().map(|(frame, _)| frame).collect();
    let size = (WIDTH as u32, (LEGEND_HEIGHT + height + AXIS_HEIGHT) as u32);
    svg(size, "States of the servers over time, and the balancers' own view of them", |canvas| {
        for frame in &frames {
            latency::shade(canvas, frame, &timeline.windows);
            frame.time_axis(canvas);
        }
        let mut y = LEGEND_HEIGHT;
        for (heading, group) in &groups {
            y = draw_group(canvas, &frames, y, heading, group);
        }
        for (frame, x) in frames.iter().filter_map(|frame| Some((frame, frame.x(timeline.t0_s?)))) {
            canvas.line((x, frame.top), (x, frame.bottom), palette::INK, 2);
        }
        legend(canvas, (LEFT, LEGEND_HEIGHT / 2), &entries());
    })
}

fn entries() -> Vec<(RGBColor, f64, String)> {
    let entry = |colour, text: &str| (colour, 1.0, text.to_string());
    vec![
        entry(palette::SKY, "running, up"),
        entry(palette::GREY, "starting"),
        entry(palette::ORANGE, "frozen"),
        entry(palette::PURPLE, "stopped"),
        entry(palette::VERMILION, "terminated, down, no holder"),
        entry(palette::GREEN, "the other holder"),
    ]
}

/// Draws a group under its heading, in all frames; returns where it ends.
fn draw_group(canvas: &mut Canvas, frames: &[Frame], top: i32, heading: &str, group: &Group) -> i32 {
    let (rows, left_out) = shown(group);
    let heading = if left_out > 0 { format!("{heading} ({left_out} more, unchanged)") } else { heading.into() };
    let left = frames[0].left;
    canvas.bold(&heading, (left + 6, top + HEADING / 2 + 2), Anchor::Start, palette::INK);
    let mut y = top + HEADING;
    if rows.is_empty() {
        canvas.text("unobserved", (left + 6, y + ROW / 2), Anchor::Start, palette::MUTED);
        return y + ROW;
    }
    for (name, states) in rows {
        canvas.text(&short(name), (left - 14, y + ROW / 2), Anchor::End, palette::INK);
        for frame in frames {
            for (nth, state) in states.iter().enumerate() {
                let until_s = states.get(nth + 1).map_or(frame.x_range.1, |next| next.at_s);
                bar(canvas, frame, y, state, until_s);
            }
        }
        y += ROW;
    }
    y
}

fn bar(canvas: &mut Canvas, frame: &Frame, y: i32, state: &Since, until_s: f64) {
    if until_s <= frame.x_range.0 || state.at_s >= frame.x_range.1 {
        return;
    }
    let (from, to) = (frame.x(state.at_s), frame.x(until_s));
    let middle = y + ROW / 2;
    let fits = |word: &str| text_width(word) + 12 < to - from;
    match &state.look {
        Some(Look { colour, word }) => {
            canvas.rect((from, y + 4), (to.max(from + 2), y + ROW - 4), *colour, 1.0);
            if fits(word) {
                canvas.text(word, (from + 8, middle), Anchor::Start, palette::ON_BAR);
            }
        }
        None => {
            canvas.line((from, middle), (to, middle), palette::GREY, 2);
            if fits(UNSEEN) {
                canvas.text(UNSEEN, (from + 8, middle), Anchor::Start, palette::MUTED);
            }
        }
    }
}

/// The rows that fit, those in which something changed first, and how many were left out.
fn shown(group: &Group) -> (Vec<(&String, &Vec<Since>)>, usize) {
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
        let since = |at_s| Since { at_s, look: Some(Look { colour: palette::SKY, word: String::new() }) };
        let mut group: Group = (0..50).map(|n| (format!("web-{n:02}"), vec![since(-1.0)])).collect();
        group.get_mut("web-49").unwrap().push(since(3.0));
        let (rows, left_out) = shown(&group);
        assert_eq!((rows.len(), left_out), (MOST_ROWS, 34));
        assert!(rows.iter().any(|(name, _)| *name == "web-49"));
    }

    #[test]
    fn what_nobody_observed_reads_unobserved() {
        let mut history = sample::history(0);
        let timeline = Timeline::of(&history, &sample::run().record.scenarios[0], 1).unwrap();
        history.events.clear();
        assert_eq!(plot(&timeline, &history).matches("unobserved").count(), 3);
        history.plan.infrastructure.virtual_ips.clear();
        assert!(!plot(&timeline, &history).contains("virtual IP"), "there is none to be held");
    }
}
