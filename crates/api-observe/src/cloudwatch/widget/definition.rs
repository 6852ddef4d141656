//! What a widget shows, out of its JSON.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html>

use serde_json::{Map, Value};
use stdx::clock::Timestamp;

use super::plot::{Pen, Picture};

mod annotations;
mod axis;

use annotations::{horizontal, vertical};

/// Why it is none that can be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DefinitionError(pub String);

/// A picture without data, and which data belongs into it.
#[derive(Clone, Debug)]
pub struct Definition {
    pub picture: Picture,
    pub rows: Vec<Row>,
    pub period: Option<i64>,
    pub stat: Option<String>,
    pub region: Option<String>,
}

/// One row of `metrics`.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub namespace: String,
    pub name: String,
    pub dimensions: Vec<(String, String)>,
    pub expression: Option<String>,
    pub id: Option<String>,
    pub label: Option<String>,
    pub stat: Option<String>,
    pub period: Option<i64>,
    pub region: Option<String>,
    /// Its own color, and the axis it is scaled to.
    pub pen: Option<Pen>,
    pub is_hidden: bool,
}

const SIDE_MAX: i64 = 2000;
const ROWS_MAX: usize = 100;

type Found<T> = Result<T, DefinitionError>;

fn wrong<T>(message: impl Into<String>) -> Found<T> {
    Err(DefinitionError(message.into()))
}

impl Definition {
    pub fn parse(text: &str, now: Timestamp) -> Found<Self> {
        let Ok(Value::Object(root)) = serde_json::from_str(text) else {
            return wrong("MetricWidget must be a valid JSON object.");
        };
        refuse_unserved(&root)?;
        let picture = Picture {
            width: side(&root, "width", 600)?,
            height: side(&root, "height", 400)?,
            title: string(&root, "title")?.unwrap_or_default(),
            from: moment(string(&root, "start")?.as_deref().unwrap_or("-PT3H"), now)?,
            until: moment(string(&root, "end")?.as_deref().unwrap_or("PT0H"), now)?,
            zone: zone(string(&root, "timezone")?.as_deref().unwrap_or("+0000"))?,
            lines: Vec::new(),
            stacked: boolean(&root, "stacked")?.unwrap_or(false),
            left: axis::axis(&root, "left")?,
            right: axis::axis(&root, "right")?,
            thresholds: horizontal(&root)?,
            moments: vertical(&root)?,
            legend: legend(&root)?,
        };
        if picture.from >= picture.until {
            return wrong("start must be before end.");
        }
        let rows = rows(root.get("metrics"))?;
        Ok(Self {
            picture,
            rows,
            period: root.get("period").map(|period| whole(period, "period")).transpose()?,
            stat: string(&root, "stat")?,
            region: string(&root, "region")?,
        })
    }
}

fn refuse_unserved(root: &Map<String, Value>) -> Found<()> {
    if let Some(view) = string(root, "view")?.filter(|view| view != "timeSeries") {
        return wrong(format!("The view '{view}' is not supported here: only timeSeries is."));
    }
    let alarms = root.get("annotations").and_then(|annotations| annotations.get("alarms"));
    if alarms.and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return wrong("Annotations of alarms are not supported here.");
    }
    Ok(())
}

fn side(root: &Map<String, Value>, name: &str, default: u32) -> Found<u32> {
    let Some(value) = root.get(name) else { return Ok(default) };
    match whole(value, name)? {
        side @ 1..=SIDE_MAX => Ok(u32::try_from(side).unwrap_or(default)),
        _ => wrong(format!("{name} must be between 1 and {SIDE_MAX}.")),
    }
}

fn whole(value: &Value, name: &str) -> Found<i64> {
    value.as_i64().map_or_else(|| wrong(format!("{name} must be a whole number.")), Ok)
}

fn string(map: &Map<String, Value>, name: &str) -> Found<Option<String>> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => wrong(format!("{name} must be a text.")),
    }
}

fn boolean(map: &Map<String, Value>, name: &str) -> Found<Option<bool>> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(_) => wrong(format!("{name} must be true or false.")),
    }
}

fn legend(root: &Map<String, Value>) -> Found<bool> {
    let position = root.get("legend").and_then(|legend| legend.get("position")).and_then(Value::as_str);
    match position {
        None | Some("bottom") => Ok(true),
        Some("hidden") => Ok(false),
        Some(other) => {
            wrong(format!("The legend's position '{other}' is not supported here: use bottom or hidden."))
        }
    }
}

/// `#1f77b4`
fn color(text: &str) -> Found<(u8, u8, u8)> {
    let part = |from: usize| u8::from_str_radix(text.get(from..from + 2)?, 16).ok();
    match (text.len(), part(1), part(3), part(5)) {
        (7, Some(red), Some(green), Some(blue)) if text.starts_with('#') => Ok((red, green, blue)),
        _ => wrong(format!("'{text}' is no color: use the form #1f77b4.")),
    }
}

/// Seconds, of `-PT3H` before now or of a time.
fn moment(text: &str, now: Timestamp) -> Found<i64> {
    if let Some(at) = Timestamp::parse_rfc3339(text) {
        return Ok(at.as_secs());
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    match duration(rest) {
        Some(seconds) => Ok(now.as_secs() + sign * seconds),
        None => wrong(format!("'{text}' is neither a time nor a duration such as -PT3H.")),
    }
}

/// Seconds of an ISO 8601 duration.
fn duration(text: &str) -> Option<i64> {
    let (mut seconds, mut digits, mut in_time) = (0_i64, String::new(), false);
    for next in text.strip_prefix('P')?.chars() {
        if next.is_ascii_digit() {
            digits.push(next);
            continue;
        }
        if next == 'T' && digits.is_empty() && !in_time {
            in_time = true;
            continue;
        }
        let unit = match (next, in_time) {
            ('W', false) => 7 * 86_400,
            ('D', false) => 86_400,
            ('M', false) => 30 * 86_400,
            ('H', true) => 3600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(digits.parse::<i64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    let is_whole = digits.is_empty() && seconds <= 10 * 366 * 86_400 && text.len() > 2;
    is_whole.then_some(seconds)
}

/// Seconds east, of `+0130`.
fn zone(text: &str) -> Found<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits =
        text.get(1..).filter(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse::<i64>().ok()) {
        Some(number) if text.starts_with(['+', '-']) => Ok(sign * (number / 100 * 3600 + number % 100 * 60)),
        _ => wrong(format!("'{text}' is no time zone: use the form +0130.")),
    }
}

fn rows(metrics: Option<&Value>) -> Found<Vec<Row>> {
    let Some(list) = metrics.and_then(Value::as_array) else {
        return wrong("metrics must be a list of lists.");
    };
    if list.len() > ROWS_MAX {
        return wrong(format!("At most {ROWS_MAX} metrics can be drawn."));
    }
    let mut rows = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for entry in list {
        let Some(cells) = entry.as_array() else { return wrong("metrics must be a list of lists.") };
        let (options, names) = match cells.split_last() {
            Some((Value::Object(options), names)) => (options.clone(), names),
            _ => (Map::new(), cells.as_slice()),
        };
        let mut row = with_options(&options)?;
        if row.expression.is_none() {
            before = expanded(names, &before)?;
            let mut texts = before.iter().cloned();
            let (Some(namespace), Some(name)) = (texts.next(), texts.next()) else {
                return wrong("Each metric must have a namespace and a name.");
            };
            let rest: Vec<String> = texts.collect();
            let pairs = rest.chunks_exact(2);
            if !pairs.remainder().is_empty() {
                return wrong("Each dimension of a metric must have a name and a value.");
            }
            row.dimensions = pairs.map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            (row.namespace, row.name) = (namespace, name);
        }
        rows.push(row);
    }
    Ok(rows)
}

fn with_options(options: &Map<String, Value>) -> Found<Row> {
    let color = string(options, "color")?.as_deref().map(color).transpose()?;
    Ok(Row {
        expression: string(options, "expression")?,
        id: string(options, "id")?,
        label: string(options, "label")?,
        stat: string(options, "stat")?,
        period: options.get("period").map(|period| whole(period, "period")).transpose()?,
        region: string(options, "region")?,
        pen: Some(Pen { color, side: axis::side(options)? }),
        is_hidden: boolean(options, "visible")? == Some(false),
        ..Row::default()
    })
}

/// `.` stands for the same as one row above, `...` for as many of them as are missing.
fn expanded(cells: &[Value], before: &[String]) -> Found<Vec<String>> {
    let mut texts = Vec::new();
    for cell in cells {
        let Some(text) = cell.as_str() else { return wrong("Names and values of metrics must be texts.") };
        match text {
            "." => match before.get(texts.len()) {
                Some(above) => texts.push(above.clone()),
                None => return wrong("'.' has nothing above it."),
            },
            "..." => {
                let missing = (before.len() + 1).saturating_sub(cells.len());
                texts.extend(before.iter().skip(texts.len()).take(missing).cloned());
            }
            other => texts.push(other.to_owned()),
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Found<Definition> {
        Definition::parse(text, Timestamp::from_secs(100_000))
    }

    #[test]
    fn rows_are_expanded() {
        let text = r##"{"metrics":[["N","m","A","1","B","2",{"stat":"Sum","color":"#0102ff"}],[".","n",".","3","B","2"],
            ["...","9"],[{"expression":"m1*2","id":"e"}]],"start":"-PT1H","width":300,"timezone":"-0130"}"##;
        let found = parse(text).expect("a definition");
        let shown: Vec<String> = found
            .rows
            .iter()
            .map(|row| format!("{} {} {:?}", row.namespace, row.name, row.dimensions))
            .collect();
        assert_eq!(
            shown,
            [
                r#"N m [("A", "1"), ("B", "2")]"#,
                r#"N n [("A", "3"), ("B", "2")]"#,
                r#"N n [("A", "3"), ("B", "9")]"#,
                "  []"
            ]
        );
        assert_eq!(found.rows[0].pen.and_then(|pen| pen.color), Some((1, 2, 255)));
        assert_eq!((found.picture.from, found.picture.until), (96_400, 100_000));
        assert_eq!((found.picture.width, found.picture.height, found.picture.zone), (300, 400, -5400));
    }

    #[test]
    fn what_cannot_be_drawn_is_told() {
        for (text, message) in [
            ("[]", "MetricWidget must be a valid JSON object."),
            (r#"{"metrics":[["N"]]}"#, "Each metric must have a namespace and a name."),
            (r#"{"metrics":[["N","m","D"]]}"#, "Each dimension of a metric must have a name and a value."),
            (r#"{"metrics":[],"width":2001}"#, "width must be between 1 and 2000."),
            (r#"{"metrics":[],"view":"pie"}"#, "The view 'pie' is not supported here: only timeSeries is."),
            (r#"{"metrics":[],"start":"soon"}"#, "'soon' is neither a time nor a duration such as -PT3H."),
            (r#"{"metrics":[],"start":"PT1H"}"#, "start must be before end."),
            (r#"{"metrics":[["N","m",{"yAxis":"top"}]]}"#, "yAxis must be left or right."),
            (r#"{"metrics":[["N","m",{"color":"red"}]]}"#, "'red' is no color: use the form #1f77b4."),
            (r#"{}"#, "metrics must be a list of lists."),
        ] {
            assert_eq!(parse(text).map(|_| ()), Err(DefinitionError(message.into())), "{text}");
        }
    }
}
