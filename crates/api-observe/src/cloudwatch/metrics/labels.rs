//! Labels that say something of their data: `${MAX}`, `${LAST_TIME}`, `${PROP('MetricName')}`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html>

use state_telemetry::metrics::{MetricId, Point, Query, Series, Source};
use stdx::clock::Timestamp;
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch::LabelOptions;

use super::errors::invalid;

/// Minutes east of UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zone(i64);

/// `+0130`
pub fn zone(options: Option<&LabelOptions>) -> Result<Zone, ServiceError> {
    let Some(text) = options.and_then(|options| options.timezone.as_deref()) else {
        return Ok(Zone::default());
    };
    let refusal = || invalid(text, "LabelOptions.Timezone");
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        _ => return Err(refusal()),
    };
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refusal());
    }
    let number: i64 = digits.parse().map_err(|_| refusal())?;
    let (hours, minutes) = (number / 100, number % 100);
    if hours > 14 || minutes > 59 {
        return Err(refusal());
    }
    Ok(Zone(sign * (hours * 60 + minutes)))
}

/// Replaces the placeholders in the labels of the series, whose points are ascending.
pub fn fill_in(series: &mut [Series], queries: &[Query], zone: Zone, now: Timestamp) {
    for series in series.iter_mut().filter(|series| series.label.contains("${")) {
        let query = queries.iter().find(|query| query.id == series.query_id);
        let id = query.and_then(|query| match &query.source {
            Source::Metric { id, .. } => Some(id),
            Source::Expression(_) => None,
        });
        let data = Data { series, id, zone, now };
        series.label = data.fill(&series.label);
    }
}

struct Data<'a> {
    series: &'a Series,
    id: Option<&'a MetricId>,
    zone: Zone,
    now: Timestamp,
}

impl Data<'_> {
    fn fill(&self, label: &str) -> String {
        let mut filled = String::new();
        let mut rest = label;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((inside, behind)) = after.split_once('}') else {
                filled.push_str("${");
                rest = after;
                continue;
            };
            match self.value(inside.trim()) {
                Some(value) => filled.push_str(&value),
                None => filled.extend(["${", inside, "}"]),
            }
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }

    /// None for what is no placeholder: it stays as it is.
    fn value(&self, name: &str) -> Option<String> {
        if let Some(property) = name.strip_prefix("PROP(").and_then(|rest| rest.strip_suffix(')')) {
            return Some(self.property(property.trim().trim_matches('\'')));
        }
        let points = &self.series.points;
        let (statistic, form) = match name.strip_suffix("_TIME_RELATIVE") {
            Some(statistic) => (statistic, Form::Relative),
            None => match name.strip_suffix("_TIME") {
                Some(statistic) => (statistic, Form::Time),
                None => (name, Form::Value),
            },
        };
        let by_value = |left: &&Point, right: &&Point| left.value.total_cmp(&right.value);
        let point = match statistic {
            "MIN" => points.iter().min_by(by_value),
            "MAX" => points.iter().max_by(by_value),
            "FIRST" => points.first(),
            "LAST" => points.last(),
            _ => {
                let sum: f64 = points.iter().map(|point| point.value).sum();
                return match (name, points.len()) {
                    ("LABEL", _) => {
                        Some(self.id.map_or_else(|| self.series.query_id.clone(), |id| id.name.to_string()))
                    }
                    ("DATAPOINT_COUNT", count) => Some(count.to_string()),
                    ("SUM" | "AVG", 0) => Some(String::from("--")),
                    ("SUM", _) => Some(short(sum)),
                    ("AVG", count) => Some(short(sum / count as f64)),
                    _ => None,
                };
            }
        };
        let Some(point) = point else { return Some(String::from("--")) };
        Some(match form {
            Form::Value => short(point.value),
            Form::Time => self.time(point.at),
            Form::Relative => relative(self.now.since(point.at).as_secs()),
        })
    }

    fn property(&self, name: &str) -> String {
        let Some(id) = self.id else { return String::new() };
        match name {
            "MetricName" => id.name.to_string(),
            "Namespace" => id.namespace.to_string(),
            "AccountId" => id.partition.split('/').next().unwrap_or_default().to_owned(),
            "Region" => id.partition.split('/').nth(1).unwrap_or_default().to_owned(),
            _ => {
                let name = name.strip_prefix("Dim.").unwrap_or(name);
                let own = id.dimensions.iter().find(|(own, _)| **own == *name);
                own.map(|(_, value)| value.to_string()).unwrap_or_default()
            }
        }
    }

    fn time(&self, at: Timestamp) -> String {
        let moved = Timestamp(at.as_millis() + self.zone.0 * 60_000).to_rfc3339_secs();
        moved.trim_end_matches('Z').replace('T', " ")
    }
}

enum Form {
    Value,
    Time,
    Relative,
}

/// At most three places behind the point.
pub fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn relative(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h {}m ago", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h ago", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        let point = |minute: i64, value| Point { at: Timestamp::from_secs(minute * 60), value };
        let points = vec![point(0, 2.0), point(1, 5.0), point(2, 1.25)];
        let series = Series { query_id: "m1".into(), label: String::new(), points };
        let id = MetricId::new("1/eu", "App", "Latency", [("Host", "a")]);
        let now = Timestamp::from_secs(300);
        let data = Data { series: &series, id: Some(&id), zone: Zone(90), now };
        for (label, expect) in [
            ("plain", "plain"),
            ("${LABEL} ${MAX}/${MIN}", "Latency 5/1.25"),
            ("${AVG} ${SUM} ${DATAPOINT_COUNT}", "2.75 8.25 3"),
            ("${LAST_TIME}", "1970-01-01 01:32:00"),
            ("${MAX_TIME_RELATIVE}", "4m ago"),
            ("${PROP('Dim.Host')}@${PROP('Namespace')}", "a@App"),
            ("${UNKNOWN} ${", "${UNKNOWN} ${"),
        ] {
            assert_eq!(data.fill(label), expect);
        }
        let empty = Series { points: Vec::new(), ..series.clone() };
        assert_eq!(Data { series: &empty, ..data }.fill("${MAX} ${AVG}"), "-- --");
    }

    #[test]
    fn zones_have_a_sign_and_four_digits() {
        let check =
            |text: &str| zone(Some(&LabelOptions { timezone: Some(text.into()) })).map(|zone| zone.0).ok();
        assert_eq!((check("+0130"), check("-1200"), check("+0000")), (Some(90), Some(-720), Some(0)));
        for bad in ["", "0130", "+130", "+01:30", "+9900", "UTC"] {
            assert_eq!(check(bad), None, "{bad}");
        }
    }
}
