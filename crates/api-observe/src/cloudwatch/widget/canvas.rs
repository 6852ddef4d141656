//! A picture to draw on: lines, areas and texts.

use tiny_skia::{
    Color, FillRule, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::font::{Font, upright};
use super::png;

/// Red, green, blue, and how much it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink(pub u8, pub u8, pub u8, pub u8);

impl Ink {
    pub fn faded(self, cover: u8) -> Self {
        Ink(self.0, self.1, self.2, cover)
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Align {
    Left,
    Middle,
    Right,
}

pub struct Canvas {
    pixels: Pixmap,
    font: Font,
    /// What lies outside isn't drawn on.
    clip: Option<Mask>,
}

impl Canvas {
    /// Sides of at least one pixel.
    pub fn new(width: u32, height: u32) -> Self {
        let mut pixels = Pixmap::new(width.max(1), height.max(1)).expect("sides are bounded");
        pixels.fill(Color::WHITE);
        Self { pixels, font: Font::new(), clip: None }
    }

    pub fn font(&self) -> &Font {
        &self.font
    }

    /// Only draws inside from now on; none: everywhere.
    pub fn clip(&mut self, area: Option<Rect>) {
        self.clip = area.and_then(|area| {
            let mut mask = Mask::new(self.pixels.width(), self.pixels.height())?;
            mask.fill_path(&PathBuilder::from_rect(area), FillRule::Winding, true, Transform::identity());
            Some(mask)
        });
    }

    pub fn line(&mut self, points: &[(f32, f32)], ink: Ink, width: f32, is_dashed: bool) {
        let Some(path) = polygon(points, false) else { return };
        let dash = if is_dashed { StrokeDash::new(vec![6.0, 4.0], 0.0) } else { None };
        let stroke = Stroke { width, dash, line_join: tiny_skia::LineJoin::Round, ..Stroke::default() };
        self.pixels.stroke_path(&path, &paint(ink), &stroke, Transform::identity(), self.clip.as_ref());
    }

    pub fn area(&mut self, points: &[(f32, f32)], ink: Ink) {
        let Some(path) = polygon(points, true) else { return };
        self.fill(&path, ink, Transform::identity());
    }

    pub fn rectangle(&mut self, area: Rect, ink: Ink) {
        self.fill(&PathBuilder::from_rect(area), ink, Transform::identity());
    }

    pub fn dot(&mut self, (x, y): (f32, f32), radius: f32, ink: Ink) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.fill(&path, ink, Transform::identity());
        }
    }

    /// `y` is where letters stand.
    pub fn text(&mut self, text: &str, size: f32, (x, y): (f32, f32), align: Align, ink: Ink) {
        let width = self.font.width(text, size);
        let x = match align {
            Align::Left => x,
            Align::Middle => x - width / 2.0,
            Align::Right => x - width,
        };
        if let Some(path) = self.font.outline(text, size) {
            self.fill(&path, ink, Transform::from_translate(x, y));
        }
    }

    /// Read from below, around the middle.
    pub fn upright_text(&mut self, text: &str, size: f32, (x, y): (f32, f32), ink: Ink) {
        let half = self.font.width(text, size) / 2.0;
        if let Some(path) = self.font.outline(text, size) {
            self.fill(&path, ink, upright().post_translate(x, y + half));
        }
    }

    fn fill(&mut self, path: &Path, ink: Ink, transform: Transform) {
        self.pixels.fill_path(path, &paint(ink), FillRule::Winding, transform, self.clip.as_ref());
    }

    pub fn into_png(self) -> Vec<u8> {
        png::encode(self.pixels.width(), self.pixels.height(), self.pixels.data())
    }
}

fn polygon(points: &[(f32, f32)], is_closed: bool) -> Option<Path> {
    let (first, rest) = points.split_first()?;
    let mut builder = PathBuilder::new();
    builder.move_to(first.0, first.1);
    rest.iter().for_each(|(x, y)| builder.line_to(*x, *y));
    if is_closed {
        builder.close();
    }
    builder.finish()
}

fn paint(Ink(red, green, blue, cover): Ink) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, cover);
    paint.anti_alias = true;
    paint
}
