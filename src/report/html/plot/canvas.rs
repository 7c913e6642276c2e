//! A sheet to draw on; becomes an inline `<svg>` with a title that a screen reader tells.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// The size of all text, in drawing units; the page's style says it once.
pub const FONT: f64 = 24.0;
/// plotters divides a font's size by this before it writes it.
const PLOTTERS_FONT_SCALE: f64 = 1.24;
/// An in-memory drawing has no way to fail.
const INFALLIBLE: &str = "drawing into a String cannot fail";

/// A point in drawing units, from the upper left.
pub type Point = (i32, i32);

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins at the point.
    Start,
    /// It is centred on it.
    Middle,
    /// It ends there.
    End,
}

/// A sheet of fixed size.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
}

/// Draws on a sheet of `size` and returns it as an `<svg>` element with `title` as its accessible name.
pub fn svg(size: (u32, u32), title: &str, draw: impl FnOnce(&mut Canvas)) -> String {
    let mut text = String::new();
    let mut canvas = Canvas { backend: SVGBackend::with_string(&mut text, size) };
    draw(&mut canvas);
    canvas.backend.present().expect(INFALLIBLE);
    drop(canvas);
    let (_, content) = text.split_once('>').expect("the backend opens its element first");
    let (width, height) = size;
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{title}</title>{}", compact(content))
}

/// Leaves out what the page's style says once for all, and line ends that mean nothing.
fn compact(svg: &str) -> String {
    const SAID_ELSEWHERE: [&str; 6] = [
        " font-family=\"sans-serif\"",
        " font-size=\"24\"",
        " text-anchor=\"start\"",
        " dy=\"0.5ex\"",
        " opacity=\"1\"",
        " stroke=\"none\"",
    ];
    let svg = SAID_ELSEWHERE.iter().fold(svg.to_string(), |svg, said| svg.replace(said, ""));
    // Only a text's start tag ends so: its ink is that of the page.
    svg.replace(" fill=\"#1F2933\">", ">").replace(">\n", ">").replace("\n<", "<")
}

impl Canvas<'_> {
    pub fn line(&mut self, from: Point, to: Point, colour: RGBColor, width: u32) {
        self.backend.draw_line(from, to, &stroke(colour, 1.0, width)).expect(INFALLIBLE);
    }

    /// A line through all points; points that a straight line passes anyway are left out.
    pub fn path(&mut self, points: &[Point], colour: RGBColor, width: u32) {
        self.backend.draw_path(straightened(points), &stroke(colour, 1.0, width)).expect(INFALLIBLE);
    }

    pub fn polygon(&mut self, points: &[Point], colour: RGBColor) {
        self.backend.fill_polygon(straightened(points), &fill(colour, 1.0)).expect(INFALLIBLE);
    }

    pub fn rect(&mut self, upper_left: Point, lower_right: Point, colour: RGBColor, opacity: f64) {
        self.backend.draw_rect(upper_left, lower_right, &fill(colour, opacity), true).expect(INFALLIBLE);
    }

    /// Text whose middle line is at the point's height.
    pub fn text(&mut self, text: &str, at: Point, anchor: Anchor, colour: RGBColor) {
        self.write(text, at, anchor, colour, FontStyle::Normal);
    }

    pub fn bold(&mut self, text: &str, at: Point, anchor: Anchor, colour: RGBColor) {
        self.write(text, at, anchor, colour, FontStyle::Bold);
    }

    fn write(&mut self, text: &str, at: Point, anchor: Anchor, colour: RGBColor, style: FontStyle) {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = ("sans-serif", FONT * PLOTTERS_FONT_SCALE, style).into_font();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        self.backend.draw_text(text, &style, at).expect(INFALLIBLE);
    }
}

/// How wide a text will be at most, in drawing units: the fonts of a browser are not known here.
pub fn text_width(text: &str) -> i32 {
    (text.chars().count() as f64 * FONT * 0.6).ceil() as i32
}

fn stroke(colour: RGBColor, opacity: f64, width: u32) -> ShapeStyle {
    ShapeStyle { color: colour.mix(opacity), filled: false, stroke_width: width }
}

fn fill(colour: RGBColor, opacity: f64) -> ShapeStyle {
    ShapeStyle { color: colour.mix(opacity), filled: true, stroke_width: 0 }
}

/// The points without those in the middle of a horizontal or vertical run.
fn straightened(points: &[Point]) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for &point in points {
        if let [.., a, b] = kept[..]
            && ((a.0 == b.0 && b.0 == point.0) || (a.1 == b.1 && b.1 == point.1))
        {
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette;

    #[test]
    fn a_drawing_is_one_svg_element_with_a_title() {
        let drawn = svg((100, 50), "a < b", |canvas| canvas.text("x & <y>", (1, 2), Anchor::End, palette::INK));
        assert!(drawn.starts_with("<svg viewBox=\"0 0 100 50\" role=\"img\"><title>a &lt; b</title>"), "{drawn}");
        assert!(drawn.trim_end().ends_with("</svg>"));
        assert!(drawn.contains(">x &amp; &lt;y&gt;</text>") && !drawn.contains("font-size"), "{drawn}");
    }

    #[test]
    fn a_flat_line_is_two_points() {
        assert_eq!(straightened(&[(0, 5), (1, 5), (2, 5), (3, 5)]), [(0, 5), (3, 5)]);
        assert_eq!(straightened(&[(0, 5), (1, 6), (2, 5)]).len(), 3);
    }
}
