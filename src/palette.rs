//! The colours of every picture: Okabe and Ito's palette, which the colour-blind can tell apart, and some greys.

use plotters::style::RGBColor;

pub const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
pub const MUTED: RGBColor = RGBColor(0x5b, 0x67, 0x70);
/// The page itself: covers what lies below.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub const GRID: RGBColor = RGBColor(0xdd, 0xe2, 0xe6);
/// Words on a coloured bar; the same on a light and on a dark page.
pub const ON_BAR: RGBColor = RGBColor(0x0b, 0x0f, 0x14);
pub const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
pub const SKY: RGBColor = RGBColor(0x56, 0xb4, 0xe9);
pub const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
pub const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
pub const VERMILION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
pub const PURPLE: RGBColor = RGBColor(0xcc, 0x79, 0xa7);
pub const GREY: RGBColor = RGBColor(0x9a, 0xa5, 0xb1);
