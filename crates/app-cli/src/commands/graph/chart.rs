//! Columns of block characters.

const HEIGHT: usize = 6;
/// Eighths of a cell.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Before the columns: a number and the axis.
const MARGIN: usize = 9;

/// One line's values, oldest first; a gap is where nothing was measured.
#[derive(Debug)]
pub struct Chart<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub values: &'a [Option<f64>],
    /// Columns of a value.
    pub width: usize,
}

impl Chart<'_> {
    pub fn render(&self) -> String {
        let highest = self.values.iter().flatten().copied().fold(0.0, f64::max);
        let newest = self.values.iter().rev().flatten().next();
        let newest = newest
            .map_or(String::from("nothing measured"), |value| format!("{} {} now", short(*value), self.unit));
        let mut text = format!("{}: {newest}\n", self.title);
        if highest <= 0.0 {
            return text + "\n";
        }
        for row in (0..HEIGHT).rev() {
            let label = match row {
                0 => String::from("0"),
                row if row + 1 == HEIGHT => short(highest),
                _ => String::new(),
            };
            text += &format!("{label:>width$} ┤", width = MARGIN - 2);
            let cells = self.values.iter().map(|value| cell(value.unwrap_or(0.0) / highest, row));
            let line: String = cells.flat_map(|cell| std::iter::repeat_n(cell, self.width)).collect();
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// The character of a column of that share of the full height, in that row from below.
fn cell(share: f64, row: usize) -> char {
    // At most HEIGHT * 8, so that nothing is cut off.
    let eighths = (share.clamp(0.0, 1.0) * (HEIGHT * 8) as f64).round() as usize;
    // What is more than nothing is seen.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    BLOCKS[eighths.saturating_sub(row * 8).min(8)]
}

/// The minutes below the last chart.
pub fn time_axis(minutes: u32, columns: usize) -> String {
    let (from, to) = (format!("{minutes} min ago"), "now");
    let gap = columns.saturating_sub(from.len() + to.len());
    format!("{:MARGIN$}{from}{:gap$}{to}\n", "", "")
}

/// Three digits say enough.
fn short(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_high_as_their_share() {
        let column = |share| (0..HEIGHT).map(|row| cell(share, row)).collect::<String>();
        for (share, expect) in
            [(0.0, "      "), (0.001, "▁     "), (0.5, "███   "), (0.75, "████▄ "), (1.0, "██████")]
        {
            assert_eq!(column(share), expect, "{share}");
        }
    }

    #[test]
    fn a_chart_says_what_is_now() {
        let values = [Some(1.0), None, Some(2.5)];
        let text = Chart { title: "tasks", unit: "running", values: &values, width: 2 }.render();
        assert!(text.starts_with("tasks: 2.5 running now\n    2.5 ┤    ██\n"), "{text}");
        let text = Chart { title: "tasks", unit: "running", values: &[None], width: 1 }.render();
        assert_eq!(text, "tasks: nothing measured\n\n");
    }
}
