//! The drawing: title, axes, grid, lines or stacked areas, thresholds, legend.

use tiny_skia::Rect;

use super::axes;
use super::canvas::{Align, Canvas, Ink};

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
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Beside the left axis.
    pub axis_label: String,
    pub thresholds: Vec<Threshold>,
    /// Seconds, with a label.
    pub moments: Vec<Threshold>,
    pub legend: bool,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub label: String,
    /// None: one of its own.
    pub color: Option<(u8, u8, u8)>,
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
    let thresholds = picture.thresholds.iter().map(|threshold| threshold.value);
    let values = lines.iter().flat_map(|line| line.upper.iter().map(|(_, value)| *value)).chain(thresholds);
    let (low, high) = axes::range(values, picture.min, picture.max);
    let frame = Frame::new(&canvas, picture, (low, high), legend.len());
    title(&mut canvas, picture);
    grid(&mut canvas, picture, &frame);
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

/// Where the graph itself stands, and what it shows.
struct Frame {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    from: i64,
    until: i64,
    low: f64,
    high: f64,
}

impl Frame {
    fn new(canvas: &Canvas, picture: &Picture, (low, high): (f64, f64), legend_rows: usize) -> Self {
        let marks = axes::marks(low, high, 5);
        let widest =
            marks.iter().map(|mark| canvas.font().width(&axes::short(*mark), TEXT_SIZE)).fold(0.0, f32::max);
        let label = if picture.axis_label.is_empty() { 0.0 } else { LINE_HEIGHT };
        let title = if picture.title.is_empty() { MARGIN } else { MARGIN + TITLE_SIZE + 12.0 };
        let legend = if legend_rows == 0 { 0.0 } else { legend_rows as f32 * LINE_HEIGHT + 8.0 };
        let (width, height) = (picture.width as f32, picture.height as f32);
        let left = (MARGIN + label + widest + 8.0).min(width / 2.0);
        let bottom = height - MARGIN - LINE_HEIGHT - legend;
        Frame {
            left,
            right: (width - MARGIN - 8.0).max(left + 1.0),
            top: title,
            bottom: bottom.max(title + 1.0),
            from: picture.from,
            until: picture.until.max(picture.from + 1),
            low,
            high,
        }
    }

    fn area(&self) -> Option<Rect> {
        Rect::from_ltrb(self.left, self.top, self.right, self.bottom)
    }

    fn x(&self, at: i64) -> f32 {
        let share = (at - self.from) as f64 / (self.until - self.from) as f64;
        self.left + (self.right - self.left) * share as f32
    }

    fn y(&self, value: f64) -> f32 {
        // What lies far outside is clipped; huge coordinates would lose their precision.
        let share = ((value - self.low) / (self.high - self.low)).clamp(-10.0, 10.0);
        self.bottom - (self.bottom - self.top) * share as f32
    }
}

/// A line with the one below it, on which it is stacked.
struct Shape {
    ink: Ink,
    upper: Vec<(i64, f64)>,
    /// Zero where nothing is stacked.
    lower: Vec<f64>,
    period: i64,
}

fn shapes(picture: &Picture) -> Vec<Shape> {
    let mut heights: std::collections::BTreeMap<i64, f64> = std::collections::BTreeMap::new();
    let mut shapes = Vec::new();
    for (index, line) in picture.lines.iter().enumerate() {
        let mut shape =
            Shape { ink: ink(line.color, index), upper: Vec::new(), lower: Vec::new(), period: line.period };
        for (at, value) in &line.points {
            let below = if picture.stacked { heights.get(at).copied().unwrap_or(0.0) } else { 0.0 };
            shape.lower.push(below);
            shape.upper.push((*at, below + value));
            heights.insert(*at, below + value);
        }
        shapes.push(shape);
    }
    shapes
}

fn ink(color: Option<(u8, u8, u8)>, index: usize) -> Ink {
    let (red, green, blue) = color.unwrap_or(COLORS[index % COLORS.len()]);
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
            let upper: Vec<(f32, f32)> =
                self.upper[start..index].iter().map(|(at, value)| (frame.x(*at), frame.y(*value))).collect();
            if is_stacked {
                let below = self.upper[start..index].iter().zip(&self.lower[start..index]).rev();
                let lower = below.map(|((at, _), value)| (frame.x(*at), frame.y(*value)));
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

fn grid(canvas: &mut Canvas, picture: &Picture, frame: &Frame) {
    let rows = ((frame.bottom - frame.top) / 45.0).clamp(1.0, 10.0) as usize;
    for mark in axes::marks(frame.low, frame.high, rows) {
        let y = frame.y(mark).round() + 0.5;
        canvas.line(&[(frame.left, y), (frame.right, y)], GRID, 1.0, false);
        canvas.text(&axes::short(mark), TEXT_SIZE, (frame.left - 6.0, y + 4.0), Align::Right, SOFT);
    }
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
    if !picture.axis_label.is_empty() {
        let label = canvas.font().fitted(&picture.axis_label, TEXT_SIZE, frame.bottom - frame.top);
        let place = (MARGIN + TEXT_SIZE - 3.0, (frame.top + frame.bottom) / 2.0);
        canvas.upright_text(&label, TEXT_SIZE, place, SOFT);
    }
}

fn annotations(canvas: &mut Canvas, picture: &Picture, frame: &Frame) {
    let ink = |threshold: &Threshold| match threshold.color {
        Some((red, green, blue)) => Ink(red, green, blue, 255),
        None => THRESHOLD,
    };
    for threshold in picture.thresholds.iter().filter(|one| (frame.low..=frame.high).contains(&one.value)) {
        let y = frame.y(threshold.value).round() + 0.5;
        canvas.line(&[(frame.left, y), (frame.right, y)], ink(threshold), 1.5, true);
        let text = canvas.font().fitted(&threshold.label, TEXT_SIZE, frame.right - frame.left - 8.0);
        // Below the line where there is no room above.
        let foot = if y - TEXT_SIZE < frame.top { y + TEXT_SIZE + 3.0 } else { y - 4.0 };
        canvas.text(&text, TEXT_SIZE, (frame.right - 4.0, foot), Align::Right, ink(threshold));
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
            row.push((text, ink(line.color, index), used));
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
mod tests {
    use super::*;

    #[test]
    fn pictures_of_any_size_and_data_are_drawn() {
        let line = |points: Vec<(i64, f64)>| Line { label: "l".repeat(500), color: None, points, period: 60 };
        for (width, height) in [(1, 1), (20, 2000), (2000, 20), (600, 400)] {
            for stacked in [false, true] {
                let picture = Picture {
                    width,
                    height,
                    title: "ü title ".repeat(40),
                    from: 0,
                    until: 3600,
                    lines: vec![
                        line(Vec::new()),
                        line(vec![(60, 1.0)]),
                        line((0..60).map(|index| (index * 60, (index as f64 - 30.0) * 1e100)).collect()),
                    ],
                    stacked,
                    axis_label: "Percent".into(),
                    thresholds: vec![Threshold { value: 0.0, label: "limit".into(), color: None }],
                    legend: true,
                    ..Picture::default()
                };
                let png = draw(&picture);
                assert_eq!(&png[1..4], b"PNG");
                assert_eq!(&png[16..24], [width.to_be_bytes(), height.to_be_bytes()].concat());
            }
        }
    }
}
