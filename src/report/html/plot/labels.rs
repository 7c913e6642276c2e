//! Labels of moments that crowd together: each gets a line of its own, so that none covers another.
//!
//! The earliest of a crowd stands highest. Its line then passes to the left of all later labels, and theirs end
//! below it: no line crosses a label.

use super::canvas::{Anchor, Canvas, text_width};
use super::frame::Frame;
use crate::palette;
use crate::report::html::timeline::Mark;

/// The height of one row of labels.
pub const ROW: i32 = 31;
/// Moments closer than this share a line and a label.
const SAME: i32 = 8;
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
    for mark in marks {
        let x = frame.x(mark.at_s);
        match placed.last_mut() {
            Some(last) if x - last.x < SAME => last.text = format!("{} · {}", last.text, mark.label),
            _ => placed.push(Placed { x, row: 0, text: mark.label.clone(), anchor_end: false }),
        }
    }
    let mut crowd_end = i32::MIN;
    let mut row = 0;
    for label in &mut placed {
        let width = text_width(&label.text);
        label.anchor_end = label.x + width > frame.right;
        let (from, to) = if label.anchor_end { (label.x - width, label.x) } else { (label.x, label.x + width) };
        row = if from > crowd_end { 0 } else { row + 1 };
        label.row = row;
        crowd_end = crowd_end.max(to + GAP);
    }
    placed
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
        let (x, anchor) = if label.anchor_end { (label.x - 8, Anchor::End) } else { (label.x + 8, Anchor::Start) };
        canvas.text(&label.text, (x, y), anchor, palette::INK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::origin::Origin;

    fn placed(marks: &[(f64, &str)]) -> Vec<Placed> {
        let marks: Vec<Mark> = marks.iter().map(|(at_s, label)| Mark { at_s: *at_s, label: (*label).into() }).collect();
        place(&marks, &Frame::over_time((0.0, 100.0), Origin::at(None), 0, 100))
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
