//! Writes SVG: lines, curves, circles and texts, every text escaped. Lengths are in drawing units, about half a pixel.

use std::fmt::Write;

use crate::palette;
use plotters::style::RGBColor;

/// The size of ordinary text.
pub const FONT: i32 = 24;
/// The size of figures below a name.
pub const SMALL: i32 = 20;

/// A point, from the upper left.
pub type Point = (i32, i32);

/// A drawing.
#[derive(Debug, Default)]
pub struct Pen(String);

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
}

impl Pen {
    /// A curve that leaves and arrives level, or a straight line where both are in one column.
    pub fn link(&mut self, from: Point, to: Point, colour: RGBColor, width: i32, dashed: bool) {
        let ((x, y), (to_x, to_y)) = (from, to);
        let bend = (to_x - x) / 2;
        self.path(&format!("M{x} {y}C{} {y} {} {to_y} {to_x} {to_y}", x + bend, to_x - bend), colour, width, dashed);
    }

    /// An arc within a column, that bows to the right by `bow`.
    pub fn arc(&mut self, from: Point, to: Point, bow: i32, colour: RGBColor, width: i32) {
        let ((x, y), (to_x, to_y)) = (from, to);
        self.path(&format!("M{x} {y}C{} {y} {} {to_y} {to_x} {to_y}", x + bow, to_x + bow), colour, width, false);
    }

    fn path(&mut self, path: &str, colour: RGBColor, width: i32, dashed: bool) {
        let dashes = if dashed { " stroke-dasharray=\"10 8\"" } else { "" };
        let colour = hex(colour);
        self.put(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes}/>"
        ));
    }

    pub fn disc(&mut self, (x, y): Point, radius: i32, colour: RGBColor) {
        self.put(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{}\"/>", hex(colour)));
    }

    pub fn ring(&mut self, (x, y): Point, radius: i32, colour: RGBColor, width: i32) {
        self.put(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"/>",
            hex(colour)
        ));
    }

    pub fn cross(&mut self, (x, y): Point, size: i32) {
        let (left, right, top, bottom) = (x - size, x + size, y - size, y + size);
        self.path(&format!("M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}"), palette::ON_BAR, 6, false);
    }

    /// A box with round corners around a point.
    pub fn card(&mut self, (x, y): Point, (width, height): (i32, i32), colour: RGBColor) {
        let (left, top) = (x - width / 2, y - height / 2);
        self.put(format_args!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"10\" fill=\"{}\" fill-opacity=\"0.25\" stroke=\"{}\" stroke-width=\"2\"/>",
            hex(colour),
            hex(colour)
        ));
    }

    pub fn line(&mut self, from: Point, to: Point, colour: RGBColor, width: i32, dashed: bool) {
        self.path(&format!("M{} {}L{} {}", from.0, from.1, to.0, to.1), colour, width, dashed);
    }

    /// Text whose middle line is at the point's height.
    pub fn text(&mut self, text: &str, (x, y): Point, anchor: Anchor, colour: RGBColor, size: i32, bold: bool) {
        let anchor = if anchor == Anchor::Middle { " text-anchor=\"middle\"" } else { "" };
        let weight = if bold { " font-weight=\"700\"" } else { "" };
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{}\"{anchor} fill=\"{}\" font-size=\"{size}\"{weight}>{}</text>",
            y + size * 7 / 20,
            hex(colour),
            escaped(text)
        ));
    }

    /// What is drawn by `draw` belongs together, and is told when it is pointed at.
    pub fn group(&mut self, title: &str, draw: impl FnOnce(&mut Pen)) {
        self.put(format_args!("<g><title>{}</title>", escaped(title)));
        draw(self);
        self.put(format_args!("</g>"));
    }

    /// The whole, as an `<svg>` element with an accessible name.
    pub fn finish(self, (width, height): Point, title: &str) -> String {
        let title = escaped(title);
        format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{title}</title>{}</svg>", self.0)
    }

    fn put(&mut self, text: std::fmt::Arguments) {
        self.0.write_fmt(text).expect("writing into a String cannot fail");
    }
}

/// As the dark styles of a page know it.
fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// For the inside of an element. Control characters, which XML does not have, become blanks.
fn escaped(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    quick_xml::escape::escape(plain.as_str()).into_owned()
}

/// How wide a text will be at most: the fonts of a browser are not known here.
pub fn width_of(text: &str, size: i32) -> i32 {
    text.chars().count() as i32 * size * 3 / 5
}

/// The text, or so much of its begin as fits.
pub fn fitting(text: &str, size: i32, width: i32) -> String {
    let most = (width * 5 / (size * 3)).max(2) as usize;
    if text.chars().count() <= most { text.into() } else { text.chars().take(most - 1).collect::<String>() + "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_stay_texts() {
        let mut pen = Pen::default();
        pen.text("<script>\u{1b}&\"", (0, 0), Anchor::Start, palette::INK, FONT, false);
        let drawn = pen.finish((10, 10), "a < b");
        assert!(drawn.contains("&lt;script&gt; &amp;&quot;") && drawn.contains("<title>a &lt; b</title>"), "{drawn}");
    }

    #[test]
    fn a_long_name_is_cut_to_what_fits() {
        assert_eq!(fitting("web-1", FONT, 100), "web-1");
        assert_eq!(fitting("a-very-long-name-of-a-server", FONT, 144), "a-very-lo…");
    }
}
