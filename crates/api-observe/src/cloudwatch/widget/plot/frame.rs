//! Where the graph stands in its picture, and which values and times it shows.

use tiny_skia::Rect;

use super::super::axes;
use super::super::canvas::Canvas;
use super::{LINE_HEIGHT, MARGIN, Picture, Shape, Side, TEXT_SIZE, TITLE_SIZE};

/// A y axis that is drawn, with the values at its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub side: Side,
    pub low: f64,
    pub high: f64,
}

/// Of the axes something is scaled to, the left one first; the left one where there is nothing at all.
pub fn scales(picture: &Picture, shapes: &[Shape]) -> Vec<Scale> {
    let is_used = |side: Side| {
        shapes.iter().any(|shape| shape.side == side) || picture.thresholds.iter().any(|one| one.side == side)
    };
    let mut sides = vec![Side::Left, Side::Right];
    sides.retain(|side| is_used(*side));
    if sides.is_empty() {
        sides.push(Side::Left);
    }
    sides.into_iter().map(|side| scale(picture, shapes, side)).collect()
}

fn scale(picture: &Picture, shapes: &[Shape], side: Side) -> Scale {
    let thresholds = picture.thresholds.iter().filter(|one| one.side == side).map(|one| one.value);
    let shapes = shapes.iter().filter(|shape| shape.side == side);
    let values = shapes.flat_map(|shape| shape.upper.iter().map(|(_, value)| *value)).chain(thresholds);
    let axis = picture.axis(side);
    let (low, high) = axes::range(values, axis.min, axis.max);
    Scale { side, low, high }
}

/// Where the graph itself stands, and what it shows.
pub struct Frame {
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
    pub from: i64,
    pub until: i64,
    pub scales: Vec<Scale>,
}

impl Frame {
    pub fn new(canvas: &Canvas, picture: &Picture, scales: Vec<Scale>, legend_rows: usize) -> Self {
        let title = if picture.title.is_empty() { MARGIN } else { MARGIN + TITLE_SIZE + 12.0 };
        let legend = if legend_rows == 0 { 0.0 } else { legend_rows as f32 * LINE_HEIGHT + 8.0 };
        let (width, height) = (picture.width as f32, picture.height as f32);
        let bottom = height - MARGIN - LINE_HEIGHT - legend;
        let mut frame = Frame {
            left: 0.0,
            right: width,
            top: title,
            bottom: bottom.max(title + 1.0),
            from: picture.from,
            until: picture.until.max(picture.from + 1),
            scales,
        };
        frame.left = frame.beside(canvas, picture, Side::Left).min(width / 2.0);
        frame.right = (width - frame.beside(canvas, picture, Side::Right)).max(frame.left + 1.0);
        frame
    }

    /// How much room the marks and the label of an axis take.
    fn beside(&self, canvas: &Canvas, picture: &Picture, side: Side) -> f32 {
        let Some(scale) = self.scale(side) else { return MARGIN + 8.0 };
        let marks = self.marks(scale);
        let widths = marks.iter().map(|mark| canvas.font().width(&axes::short(*mark), TEXT_SIZE));
        let label = if picture.axis(side).label.is_empty() { 0.0 } else { LINE_HEIGHT };
        MARGIN + label + widths.fold(0.0, f32::max) + 8.0
    }

    pub fn marks(&self, scale: &Scale) -> Vec<f64> {
        let rows = ((self.bottom - self.top) / 45.0).clamp(1.0, 10.0) as usize;
        axes::marks(scale.low, scale.high, rows)
    }

    pub fn scale(&self, side: Side) -> Option<&Scale> {
        self.scales.iter().find(|scale| scale.side == side)
    }

    pub fn area(&self) -> Option<Rect> {
        Rect::from_ltrb(self.left, self.top, self.right, self.bottom)
    }

    pub fn x(&self, at: i64) -> f32 {
        let share = (at - self.from) as f64 / (self.until - self.from) as f64;
        self.left + (self.right - self.left) * share as f32
    }

    pub fn y(&self, side: Side, value: f64) -> f32 {
        let Some(Scale { low, high, .. }) = self.scale(side) else { return self.bottom };
        // What lies far outside is clipped; huge coordinates would lose their precision.
        let share = ((value - low) / (high - low)).clamp(-10.0, 10.0);
        self.bottom - (self.bottom - self.top) * share as f32
    }
}
