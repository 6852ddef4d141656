//! Letters as outlines.

use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, OutlineBuilder};

/// A text of one size.
pub struct Font {
    face: Face<'static>,
}

impl Font {
    pub fn new() -> Self {
        let face =
            Face::parse(epaint_default_fonts::HACK_REGULAR, 0).expect("the font that is built in is whole");
        Self { face }
    }

    /// Pixels.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|letter| self.advance(letter)).sum::<f32>() * self.scale(size)
    }

    /// The text with its first letter's foot at the origin; none for a text without ink.
    pub fn outline(&self, text: &str, size: f32) -> Option<Path> {
        let scale = self.scale(size);
        let mut outline = Outline { builder: PathBuilder::new(), x: 0.0, scale };
        for letter in text.chars() {
            if let Some(glyph) = self.face.glyph_index(letter) {
                self.face.outline_glyph(glyph, &mut outline);
            }
            outline.x += self.advance(letter) * scale;
        }
        outline.builder.finish()
    }

    /// As much of the text as fits, with an ellipsis where it was cut.
    pub fn fitted(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let mut kept = String::new();
        for letter in text.chars() {
            let longer = format!("{kept}{letter}…");
            if self.width(&longer, size) > width {
                break;
            }
            kept.push(letter);
        }
        kept.push('…');
        kept
    }

    fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.face.units_per_em())
    }

    fn advance(&self, letter: char) -> f32 {
        let glyph = self.face.glyph_index(letter).unwrap_or_default();
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(self.face.units_per_em() / 2))
    }
}

/// Turned by a quarter, to be read from below.
pub fn upright() -> Transform {
    Transform::from_rotate(-90.0)
}

struct Outline {
    builder: PathBuilder,
    x: f32,
    scale: f32,
}

impl Outline {
    /// Fonts count upwards, pictures downwards.
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, -y * self.scale)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.builder.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.builder.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.builder.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.builder.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}
