//! The drawing: title, axes, grid, lines or stacked areas, thresholds, legend.

use tiny_skia::Rect;

use super::axes;
use super::canvas::{Align, Canvas, Ink};

mod frame;

use frame::{Frame, Scale, scales};

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub title: String,
    /// Seconds.
    pub from: i64,
    pub until: i64,
    /// Seconds east of UTC, for the marks of the time axis.
    pub zone: i64,
    pub lines: Vec<Line>,
    pub stacked: bool,
    pub left: Axis,
    pub right: Axis,
    pub thresholds: Vec<Threshold>,
    /// Seconds, with a label.
    pub moments: Vec<Threshold>,
    pub legend: bool,
}

impl Picture {
    fn axis(&self, side: Side) -> &Axis {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}

/// Which of the y axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    #[default]
    Left,
    Right,
}

/// What is wanted of a y axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// None: as the data needs it.
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub label: String,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pen {
    /// None: one of its own.
    pub color: Option<(u8, u8, u8)>,
    /// The axis it is scaled to.
    pub side: Side,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub label: String,
    /// None: a color of its own, on the left axis.
    pub pen: Option<Pen>,
    /// Seconds and values, ascending.
    pub points: Vec<(i64, f64)>,
    /// Seconds from one point to the next: a longer gap interrupts the line.
    pub period: i64,
}

/// A line across the graph.
#[derive(Clone, Debug)]
pub struct Threshold {
    pub value: f64,
    pub label: String,
    pub color: Option<(u8, u8, u8)>,
    /// The axis its value is of, if it is one.
    pub side: Side,
}

const COLORS: [(u8, u8, u8); 10] = [
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
    (127, 127, 127),
    (188, 189, 34),
    (23, 190, 207),
];
const DARK: Ink = Ink(22, 25, 31, 255);
const SOFT: Ink = Ink(95, 107, 122, 255);
const GRID: Ink = Ink(233, 235, 237, 255);
const AXIS: Ink = Ink(170, 178, 186, 255);
const THRESHOLD: Ink = Ink(214, 39, 40, 255);

const TITLE_SIZE: f32 = 14.0;
const TEXT_SIZE: f32 = 11.0;
const LINE_HEIGHT: f32 = 16.0;
const MARGIN: f32 = 12.0;

/// The picture as PNG.
pub fn draw(picture: &Picture) -> Vec<u8> {
    let mut canvas = Canvas::new(picture.width, picture.height);
    let lines = shapes(picture);
    let legend = legend_rows(&canvas, picture);
    let frame = Frame::new(&canvas, picture, scales(picture, &lines), legend.len());
    title(&mut canvas, picture);
    frame.scales.iter().for_each(|scale| value_axis(&mut canvas, picture, &frame, scale));
    time_axis(&mut canvas, picture, &frame);
    canvas.clip(frame.area());
    for line in &lines {
        line.draw(&mut canvas, &frame, picture.stacked);
    }
    canvas.clip(None);
    annotations(&mut canvas, picture, &frame);
    if lines.iter().all(|line| line.upper.is_empty()) {
        let middle = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0);
        canvas.text("No data available.", TEXT_SIZE, middle, Align::Middle, SOFT);
    }
    draw_legend(&mut canvas, &frame, &legend);
    canvas.into_png()
}

/// A line with the one below it, on which it is stacked.
struct Shape {
    ink: Ink,
    side: Side,
    upper: Vec<(i64, f64)>,
    /// Zero where nothing is stacked.
    lower: Vec<f64>,
    period: i64,
}

/// Each axis has its own stack.
fn shapes(picture: &Picture) -> Vec<Shape> {
    let mut heights: std::collections::BTreeMap<(Side, i64), f64> = std::collections::BTreeMap::new();
    let mut shapes = Vec::new();
    for (index, line) in picture.lines.iter().enumerate() {
        let side = line.pen.unwrap_or_default().side;
        let mut shape = Shape {
            ink: ink(line.pen, index),
            side,
            upper: Vec::new(),
            lower: Vec::new(),
            period: line.period,
        };
        for (at, value) in &line.points {
            let below = if picture.stacked { heights.get(&(side, *at)).copied().unwrap_or(0.0) } else { 0.0 };
            shape.lower.push(below);
            shape.upper.push((*at, below + value));
            heights.insert((side, *at), below + value);
        }
        shapes.push(shape);
    }
    shapes
}

fn ink(pen: Option<Pen>, index: usize) -> Ink {
    let (red, green, blue) = pen.and_then(|pen| pen.color).unwrap_or(COLORS[index % COLORS.len()]);
    Ink(red, green, blue, 255)
}

impl Shape {
    fn draw(&self, canvas: &mut Canvas, frame: &Frame, is_stacked: bool) {
        let mut start = 0;
        for index in 1..=self.upper.len() {
            let is_end = index == self.upper.len()
                || self.upper[index].0 - self.upper[index - 1].0 > self.period.max(1) * 3 / 2;
            if !is_end {
                continue;
            }
            let place = |at: i64, value: f64| (frame.x(at), frame.y(self.side, value));
            let upper: Vec<(f32, f32)> =
                self.upper[start..index].iter().map(|(at, value)| place(*at, *value)).collect();
            if is_stacked {
                let below = self.upper[start..index].iter().zip(&self.lower[start..index]).rev();
                let lower = below.map(|((at, _), value)| place(*at, *value));
                let outline: Vec<(f32, f32)> = upper.iter().copied().chain(lower).collect();
                canvas.area(&outline, self.ink.faded(150));
            }
            match upper.as_slice() {
                [alone] => canvas.dot(*alone, 2.5, self.ink),
                line => canvas.line(line, self.ink, 1.8, false),
            }
            start = index;
        }
    }
}

fn title(canvas: &mut Canvas, picture: &Picture) {
    let room = picture.width as f32 - 2.0 * MARGIN;
    let text = canvas.font().fitted(&picture.title, TITLE_SIZE, room);
    canvas.text(&text, TITLE_SIZE, (MARGIN, MARGIN + TITLE_SIZE), Align::Left, DARK);
}

/// Marks and label of a y axis; lines across the graph for the first one only, since marks of two differ.
fn value_axis(canvas: &mut Canvas, picture: &Picture, frame: &Frame, scale: &Scale) {
    let is_first = frame.scales.first() == Some(scale);
    let (place, align, label_place) = match scale.side {
        Side::Left => (frame.left - 6.0, Align::Right, MARGIN + TEXT_SIZE - 3.0),
        Side::Right => (frame.right + 6.0, Align::Left, picture.width as f32 - MARGIN),
    };
    for mark in frame.marks(scale) {
        let y = frame.y(scale.side, mark).round() + 0.5;
        if is_first {
            canvas.line(&[(frame.left, y), (frame.right, y)], GRID, 1.0, false);
        } else {
            canvas.line(&[(frame.right, y), (frame.right + 4.0, y)], AXIS, 1.0, false);
        }
        canvas.text(&axes::short(mark), TEXT_SIZE, (place, y + 4.0), align, SOFT);
    }
    let label = &picture.axis(scale.side).label;
    if !label.is_empty() {
        let label = canvas.font().fitted(label, TEXT_SIZE, frame.bottom - frame.top);
        canvas.upright_text(&label, TEXT_SIZE, (label_place, (frame.top + frame.bottom) / 2.0), SOFT);
    }
}

fn time_axis(canvas: &mut Canvas, picture: &Picture, frame: &Frame) {
    let columns = ((frame.right - frame.left) / 75.0).clamp(1.0, 20.0) as usize;
    for (at, text) in axes::times(frame.from, frame.until, columns, picture.zone) {
        let x = frame.x(at).round() + 0.5;
        canvas.line(&[(x, frame.bottom), (x, frame.bottom + 4.0)], AXIS, 1.0, false);
        let half = canvas.font().width(&text, TEXT_SIZE) / 2.0;
        if x - half > 0.0 && x + half < picture.width as f32 {
            canvas.text(&text, TEXT_SIZE, (x, frame.bottom + LINE_HEIGHT), Align::Middle, SOFT);
        }
    }
    let bottom = frame.bottom.round() + 0.5;
    canvas.line(&[(frame.left, bottom), (frame.right, bottom)], AXIS, 1.0, false);
}

fn annotations(canvas: &mut Canvas, picture: &Picture, frame: &Frame) {
    let ink = |threshold: &Threshold| match threshold.color {
        Some((red, green, blue)) => Ink(red, green, blue, 255),
        None => THRESHOLD,
    };
    let is_inside = |one: &&Threshold| {
        frame.scale(one.side).is_some_and(|scale| (scale.low..=scale.high).contains(&one.value))
    };
    for threshold in picture.thresholds.iter().filter(is_inside) {
        let y = frame.y(threshold.side, threshold.value).round() + 0.5;
        canvas.line(&[(frame.left, y), (frame.right, y)], ink(threshold), 1.5, true);
        let text = canvas.font().fitted(&threshold.label, TEXT_SIZE, frame.right - frame.left - 8.0);
        // Below the line where there is no room above.
        let foot = if y - TEXT_SIZE < frame.top { y + TEXT_SIZE + 3.0 } else { y - 4.0 };
        let (x, align) = match threshold.side {
            Side::Left if frame.scales.len() > 1 => (frame.left + 4.0, Align::Left),
            _ => (frame.right - 4.0, Align::Right),
        };
        canvas.text(&text, TEXT_SIZE, (x, foot), align, ink(threshold));
    }
    for moment in
        picture.moments.iter().filter(|one| (frame.from..=frame.until).contains(&(one.value as i64)))
    {
        let x = frame.x(moment.value as i64).round() + 0.5;
        canvas.line(&[(x, frame.top), (x, frame.bottom)], ink(moment), 1.5, true);
        let text = canvas.font().fitted(&moment.label, TEXT_SIZE, (frame.right - x - 4.0).max(0.0));
        canvas.text(&text, TEXT_SIZE, (x + 4.0, frame.top + TEXT_SIZE), Align::Left, ink(moment));
    }
}

/// Labels with their ink, in as many rows as they need.
fn legend_rows(canvas: &Canvas, picture: &Picture) -> Vec<Vec<(String, Ink, f32)>> {
    let mut rows: Vec<Vec<(String, Ink, f32)>> = Vec::new();
    if !picture.legend {
        return rows;
    }
    let room = picture.width as f32 - 2.0 * MARGIN;
    let most = ((picture.height as f32 / 3.0) / LINE_HEIGHT) as usize;
    let mut used = f32::INFINITY;
    for (index, line) in picture.lines.iter().enumerate() {
        let text = canvas.font().fitted(&line.label, TEXT_SIZE, room - 32.0);
        let width = canvas.font().width(&text, TEXT_SIZE) + 32.0;
        if used + width > room {
            if rows.len() >= most {
                break;
            }
            rows.push(Vec::new());
            used = 0.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((text, ink(line.pen, index), used));
        }
        used += width;
    }
    rows
}

fn draw_legend(canvas: &mut Canvas, frame: &Frame, rows: &[Vec<(String, Ink, f32)>]) {
    let mut y = frame.bottom + LINE_HEIGHT + 12.0;
    for row in rows {
        for (text, ink, offset) in row {
            let x = MARGIN + offset;
            if let Some(area) = Rect::from_xywh(x, y, 10.0, 10.0) {
                canvas.rectangle(area, *ink);
            }
            canvas.text(text, TEXT_SIZE, (x + 16.0, y + 9.0), Align::Left, DARK);
        }
        y += LINE_HEIGHT;
    }
}

#[cfg(test)]
mod tests;
