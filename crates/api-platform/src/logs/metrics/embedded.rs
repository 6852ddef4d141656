//! The embedded metric format: events that say themselves which of their members are metrics.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde_json::{Map, Value};
use state_model::Scope;
use state_telemetry::metrics::{MetricId, Unit};
use stdx::clock::Timestamp;

use super::{PointKey, Points};
use crate::logs::limits::{
    EMBEDDED_DIMENSIONS_MAX, EMBEDDED_METRICS_MAX, EMBEDDED_NAME_CHARS_MAX, EMBEDDED_VALUES_MAX,
    EVENT_AGE_MAX, EVENT_LEAD_MAX, METRIC_VALUE_MAX,
};

/// What every event of the format has in it.
pub const MARK: &[u8] = b"\"_aws\"";

/// Adds the metrics of an event. What isn't of the format says nothing, as on AWS: the event itself is stored all the same.
pub fn apply(scope: &Scope, at: Timestamp, message: &[u8], now: Timestamp, points: &mut Points) {
    let Ok(Value::Object(root)) = serde_json::from_slice(message) else { return };
    let Some(metadata) = root.get("_aws").and_then(Value::as_object) else { return };
    let at = metadata.get("Timestamp").and_then(Value::as_i64).map_or(at, Timestamp);
    if at < now.minus(EVENT_AGE_MAX) || at > now.plus(EVENT_LEAD_MAX) {
        return;
    }
    let directives = metadata.get("CloudWatchMetrics").and_then(Value::as_array);
    for directive in directives.into_iter().flatten().filter_map(Value::as_object) {
        let _ = apply_directive(scope, at, &root, directive, points);
    }
}

fn apply_directive(
    scope: &Scope,
    at: Timestamp,
    root: &Map<String, Value>,
    directive: &Map<String, Value>,
    points: &mut Points,
) -> Option<()> {
    let namespace = name(directive.get("Namespace")?)?;
    if namespace.to_ascii_uppercase().starts_with("AWS/") {
        return None;
    }
    let metrics = directive.get("Metrics")?.as_array()?;
    if metrics.len() > EMBEDDED_METRICS_MAX {
        return None;
    }
    let sets = match directive.get("Dimensions") {
        Some(sets) => sets.as_array()?.iter().filter_map(|set| dimensions(root, set)).collect(),
        None => vec![Vec::new()],
    };
    for metric in metrics.iter().filter_map(Value::as_object) {
        let Some(metric_name) = metric.get("Name").and_then(name) else { continue };
        let Some(values) = root.get(metric_name).and_then(values) else { continue };
        let unit = metric.get("Unit").and_then(Value::as_str).and_then(Unit::parse).unwrap_or(Unit::None);
        let is_fine = metric.get("StorageResolution").and_then(Value::as_i64) == Some(1);
        let step = if is_fine { 1 } else { 60 };
        let at = Timestamp::from_secs(at.as_secs().div_euclid(step) * step);
        for set in &sets {
            let id = MetricId::new(scope.to_string(), namespace, metric_name, set.iter().cloned());
            for value in &values {
                points.add(PointKey { id: id.clone(), at, unit, is_fine }, *value);
            }
        }
    }
    Some(())
}

fn name(value: &Value) -> Option<&str> {
    let text = value.as_str()?;
    let is_good = !text.trim().is_empty() && text.chars().count() <= EMBEDDED_NAME_CHARS_MAX;
    is_good.then_some(text)
}

/// Names and values of one set; none when the event lacks one of them.
fn dimensions(root: &Map<String, Value>, set: &Value) -> Option<Vec<(String, String)>> {
    let names = set.as_array()?;
    if names.len() > EMBEDDED_DIMENSIONS_MAX {
        return None;
    }
    let pair = |name: &Value| {
        let name = name.as_str()?;
        let value = root.get(name)?.as_str().filter(|value| !value.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    };
    names.iter().map(pair).collect()
}

/// A number, or a list of numbers.
fn values(value: &Value) -> Option<Vec<f64>> {
    let values: Vec<f64> = match value {
        Value::Array(list) if list.len() <= EMBEDDED_VALUES_MAX => {
            list.iter().map(Value::as_f64).collect::<Option<_>>()?
        }
        other => vec![other.as_f64()?],
    };
    values.iter().all(|value| value.is_finite() && value.abs() <= METRIC_VALUE_MAX).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expect: &[&str]) {
        let mut points = Points::default();
        apply(&Scope::new("1", "eu"), Timestamp(61_500), message.as_bytes(), Timestamp(62_000), &mut points);
        let mut found: Vec<String> = points
            .into_samples()
            .into_iter()
            .map(|sample| {
                let id = &sample.id;
                format!(
                    "{} {} {:?} {:?} {} {}",
                    id.namespace,
                    id.name,
                    id.dimensions,
                    sample.values,
                    sample.unit.as_str(),
                    sample.at.as_millis()
                )
            })
            .collect();
        found.sort();
        let mut expect = expect.to_vec();
        expect.sort_unstable();
        assert_eq!(found, expect);
    }

    #[test]
    fn events_say_their_metrics() {
        let with = |directive: &str, rest: &str| {
            format!(r#"{{"_aws":{{"Timestamp":61500,"CloudWatchMetrics":[{directive}]}},{rest}}}"#)
        };
        let directive = r#"{"Namespace":"App","Dimensions":[["Service"],["Service","Zone"]],"Metrics":[{"Name":"ms","Unit":"Milliseconds"}]}"#;
        check(
            &with(directive, r#""Service":"web","Zone":"a","ms":12"#),
            &[
                r#"App ms [("Service", "web")] Counted([(12.0, 1.0)]) Milliseconds 60000"#,
                r#"App ms [("Service", "web"), ("Zone", "a")] Counted([(12.0, 1.0)]) Milliseconds 60000"#,
            ],
        );
        let fine = r#"{"Namespace":"App","Dimensions":[[]],"Metrics":[{"Name":"n","StorageResolution":1}]}"#;
        check(&with(fine, r#""n":[1,2,2]"#), &["App n [] Counted([(1.0, 1.0), (2.0, 2.0)]) None 61000"]);
        check(&with(fine, r#""n":"x""#), &[]);
        check(&with(&fine.replace("App", "AWS/App"), r#""n":1"#), &[]);
        check(
            &with(directive, r#""Service":"web","ms":1"#),
            &[r#"App ms [("Service", "web")] Counted([(1.0, 1.0)]) Milliseconds 60000"#],
        );
        for nothing in ["", "[]", r#"{"_aws":1}"#, r#"{"_aws":{"CloudWatchMetrics":[1]}}"#] {
            check(nothing, &[]);
        }
    }
}
