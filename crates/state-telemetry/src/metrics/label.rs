//! Labels with parts that depend on the series: `${AVG}`, `${PROP('Dim.Name')}`.

use super::math::TimeSeries;

/// Parts that mean nothing stay as they are.
pub(super) fn render(template: &str, default: &str, series: &TimeSeries) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(begin) = rest.find("${") {
        out.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let Some(end) = rest.find('}') else { break };
        match value(&rest[2..end], default, series) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

fn value(name: &str, default: &str, series: &TimeSeries) -> Option<String> {
    let values = || series.points.iter().map(|(_, value)| *value);
    let number = |number: f64| if series.points.is_empty() { String::from("--") } else { short(number) };
    Some(match name.trim() {
        "LABEL" => default.to_owned(),
        "AVG" => number(values().sum::<f64>() / series.points.len() as f64),
        "MAX" => number(values().fold(f64::NEG_INFINITY, f64::max)),
        "MIN" => number(values().fold(f64::INFINITY, f64::min)),
        "SUM" => number(values().sum()),
        "FIRST" => number(values().next().unwrap_or_default()),
        "LAST" => number(values().next_back().unwrap_or_default()),
        "DATAPOINT_COUNT" => series.points.len().to_string(),
        other => property(other.strip_prefix("PROP(")?.strip_suffix(')')?.trim_matches(['\'', '"']), series)?,
    })
}

fn property(name: &str, series: &TimeSeries) -> Option<String> {
    let origin = series.origin.as_ref()?;
    Some(match name {
        "MetricName" => origin.id.name.to_string(),
        "Namespace" => origin.id.namespace.to_string(),
        "Stat" => origin.stat.to_string(),
        "Period" => series.period.to_string(),
        _ => {
            let wanted = name.strip_prefix("Dim.")?;
            let own = origin.id.dimensions.iter().find(|(name, _)| **name == *wanted);
            own.map(|(_, value)| value.to_string()).unwrap_or_default()
        }
    })
}

/// At most three digits behind the point.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
