//! Labels of moments that crowd together: each gets a row where no label covers it and no line crosses it.
//!
//! A label stands to the right of its line where it fits, else to the left. Lines go down from their labels. So of the labels
//! on the right, an earlier one stands higher: its line has passed to the left of all later labels. Those on the left stand
//! above all of them, the latest on top: the lines of the others begin below.

use super::canvas::{Anchor, Canvas, text_width};
use super::frame::Frame;
use crate::palette;
use crate::report::html::timeline::Mark;

/// The height of one row of labels.
pub const ROW: i32 = 31;
/// Moments closer than this share a line and a label.
const SAME: i32 = 8;
/// Between a line and its label.
const PAD: i32 = 8;
/// A little air after a label.
const GAP: i32 = 24;

/// A label with its place: `row` counts from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub x: i32,
    pub row: usize,
    pub text: String,
    pub anchor_end: bool,
}

/// Places the marks of a frame. Marks must be in the order of their times.
pub fn place(marks: &[Mark], frame: &Frame) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    // No label on the right reaches the line of one that stands on the left.
    let mut limit = frame.right;
    for moment in lines(marks, frame).into_iter().rev() {
        let labels = beside(&moment, limit, frame.right);
        if labels.iter().any(|label| label.anchor_end) {
            limit = limit.min(moment.x);
        }
        placed.splice(0..0, labels);
    }
    let left = (0..placed.len()).rev().filter(|nth| placed[*nth].anchor_end);
    let right = (0..placed.len()).filter(|nth| !placed[*nth].anchor_end);
    let order: Vec<usize> = left.chain(right).collect();
    for (nth, number) in order.iter().enumerate() {
        let above =
            order[..nth].iter().map(|other| &placed[*other]).filter(|other| must_be_above(other, &placed[*number]));
        placed[*number].row = above.map(|other| other.row + 1).max().unwrap_or(0);
    }
    placed
}

/// Marks that share a line, since they are of one pixel or nearly so.
struct SharedLine<'a> {
    x: i32,
    labels: Vec<&'a str>,
}

fn lines<'a>(marks: &'a [Mark], frame: &Frame) -> Vec<SharedLine<'a>> {
    let mut lines: Vec<SharedLine<'a>> = Vec::new();
    for mark in marks {
        let x = frame.x(mark.at_s);
        match lines.last_mut() {
            Some(last) if x - last.x < SAME => last.labels.push(&mark.label),
            _ => lines.push(SharedLine { x, labels: vec![&mark.label] }),
        }
    }
    lines
}

/// The labels of a moment: one if all fit into it, else one each. On the right of the line if they fit before `limit`,
/// else on the left; else on the right all the same, where lines go through them: a label that is crossed can be read, one that is
/// cut can't.
fn beside(moment: &SharedLine<'_>, limit: i32, end: i32) -> Vec<Placed> {
    let x = moment.x;
    let together = moment.labels.join(" · ");
    let placed = |text: &str, anchor_end| Placed { x, row: 0, text: text.into(), anchor_end };
    if text_width(&together) + PAD <= limit - x {
        return vec![placed(&together, false)];
    }
    let (right, left) = (limit - x - PAD, x - PAD);
    let widest = moment.labels.iter().map(|label| text_width(label)).max().unwrap_or(0);
    let crossed = end - x - PAD;
    let (anchor_end, room) = match () {
        () if widest <= right => (false, right),
        () if widest <= left => (true, left),
        () if widest <= crossed || crossed > left => (false, crossed),
        () => (true, left),
    };
    moment.labels.iter().map(|label| placed(&fitting(label, room), anchor_end)).collect()
}

/// As much of a text as fits.
fn fitting(text: &str, width: i32) -> String {
    if text_width(text) <= width {
        return text.to_string();
    }
    let most = (width / text_width("m")).max(2) as usize;
    text.chars().take(most - 1).chain(['…']).collect()
}

/// Whether the line or the text of `label` would cross `other` if it stood no lower.
fn must_be_above(other: &Placed, label: &Placed) -> bool {
    let ((from, to), (a, b)) = (span(other), span(label));
    (from..=to).contains(&label.x) || (a < to && from < b)
}

/// From where to where a label and its line reach.
fn span(label: &Placed) -> (i32, i32) {
    let width = text_width(&label.text) + GAP;
    if label.anchor_end { (label.x - width, label.x) } else { (label.x, label.x + width) }
}

/// The rows that the labels need.
pub fn rows(placed: &[Placed]) -> i32 {
    placed.iter().map(|label| label.row as i32 + 1).max().unwrap_or(0)
}

/// Draws labels in the rows above the frame, and their lines down through it.
pub fn draw(canvas: &mut Canvas, frame: &Frame, placed: &[Placed]) {
    let top = frame.top - rows(placed) * ROW - 6;
    for label in placed {
        let y = top + label.row as i32 * ROW + ROW / 2;
        canvas.line((label.x, y - 10), (label.x, frame.bottom), palette::INK, 2);
    }
    for label in placed {
        let y = top + label.row as i32 * ROW + ROW / 2;
        let (x, anchor) = if label.anchor_end { (label.x - PAD, Anchor::End) } else { (label.x + PAD, Anchor::Start) };
        canvas.text(&label.text, (x, y), anchor, palette::INK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::origin::Origin;
    use crate::report::html::plot::sheet::SheetSize;

    fn frame(sheet: SheetSize) -> Frame {
        Frame::over_time((0.0, 100.0), Origin::at(None), sheet, 0, 100)
    }

    fn placed_on(sheet: SheetSize, marks: &[(f64, &str)]) -> Vec<Placed> {
        let marks: Vec<Mark> = marks.iter().map(|(at_s, label)| Mark { at_s: *at_s, label: (*label).into() }).collect();
        place(&marks, &frame(sheet))
    }

    fn placed(marks: &[(f64, &str)]) -> Vec<Placed> {
        placed_on(SheetSize::Wide, marks)
    }

    #[test]
    fn a_crowd_steps_down_to_the_right() {
        let rows: Vec<usize> = placed(&[(10.0, "first one"), (11.0, "second"), (12.0, "third"), (80.0, "far")])
            .iter()
            .map(|label| label.row)
            .collect();
        assert_eq!(rows, [0, 1, 2, 0]);
    }

    #[test]
    fn no_label_covers_another_or_is_cut_and_no_line_crosses_one_that_has_a_place() {
        // As measured when a balancer died, on both sheets, and crowded at the right edge.
        let card = [
            (13.0, "onset"),
            (13.2, "first error +1.6 ms"),
            (14.0, "service back +12 ms"),
            (16.0, "witnessed +32 ms"),
            (26.5, "detected +160 ms"),
            (26.5, "removed +160 ms"),
            (59.0, "booted +528 ms"),
            (70.0, "configured +655 ms"),
            (70.0, "redundant +655 ms"),
            (70.0, "normal +655 ms"),
        ];
        let edge: Vec<(f64, &str)> = (0..9).map(|n| (92.0 + f64::from(n), "something that takes a while")).collect();
        for (sheet, marks, is_crowded) in [
            (SheetSize::Wide, &card[..], false),
            (SheetSize::Narrow, &card, true),
            (SheetSize::Wide, &edge, false),
            (SheetSize::Narrow, &edge, false),
        ] {
            let placed = placed_on(sheet, marks);
            for (one, other) in placed.iter().flat_map(|one| placed.iter().map(move |other| (one, other))) {
                let ((a, b), (from, to)) = (span(one), span(other));
                let crosses = one.x > from && one.x < to && one.x != other.x && one.row <= other.row;
                // No text has a place on a phone's sheet if it is wider than both the way to the edge and to the next line.
                assert!(!crosses || (is_crowded && !other.anchor_end), "{one:?} {other:?}");
                let covers = one != other && one.row == other.row && a < to && from < b;
                assert!(!covers, "{one:?} {other:?}");
            }
            let is_whole = |label: &Placed| {
                let (from, to) = span(label);
                if label.anchor_end { from + GAP >= 0 } else { to - GAP <= frame(sheet).right }
            };
            assert!(placed.iter().all(is_whole), "a label is cut by the edge: {placed:?}");
            assert!(placed.iter().all(|label| !label.text.ends_with('…')), "a label is cut: {placed:?}");
        }
    }

    #[test]
    fn moments_of_one_pixel_share_a_label() {
        let placed = placed(&[(10.0, "t0"), (10.05, "detected")]);
        assert_eq!(placed.len(), 1);
        assert_eq!(placed[0].text, "t0 · detected");
    }

    #[test]
    fn a_label_at_the_right_edge_stands_to_the_left_of_its_line() {
        assert!(placed(&[(99.0, "normal")])[0].anchor_end);
    }
}
