//! A metric filter, ready to be applied to many events.

use state_model::logs::MetricFilter;
use state_telemetry::logs::Batch;
use state_telemetry::metrics::{MetricId, Unit};
use state_telemetry::pattern::{Field, Pattern, PatternError};
use stdx::clock::Timestamp;

use super::{PointKey, Points};
use crate::logs::limits::{EVENT_AGE_MAX, EVENT_LEAD_MAX};

#[derive(Debug)]
pub struct CompiledFilter {
    pattern: Pattern,
    /// Without dimensions.
    pub(super) id: MetricId,
    value: Value,
    dimensions: Vec<(String, Field)>,
    pub(super) unit: Unit,
    pub(super) default_value: Option<f64>,
}

#[derive(Debug)]
enum Value {
    Number(f64),
    Field(Field),
}

impl CompiledFilter {
    /// # Errors
    /// What is wrong with the pattern, the value or a dimension.
    pub fn new(filter: &MetricFilter) -> Result<Self, PatternError> {
        let metric = &filter.metric;
        let value = match metric.value.parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Number(number),
            _ => Value::Field(Field::parse(&metric.value)?),
        };
        let dimension = |(name, field): (&String, &String)| Ok((name.clone(), Field::parse(field)?));
        let none: [(&str, &str); 0] = [];
        Ok(Self {
            pattern: Pattern::parse(&filter.pattern)?,
            id: MetricId::new(
                filter.scope.to_string(),
                metric.namespace.as_str(),
                metric.name.as_str(),
                none,
            ),
            value,
            dimensions: metric.dimensions.iter().map(dimension).collect::<Result<_, _>>()?,
            unit: metric.unit.as_deref().and_then(Unit::parse).unwrap_or(Unit::None),
            default_value: metric.default_value,
        })
    }

    /// Adds what the events say; whether one matched.
    pub(super) fn apply(&self, batch: &Batch, now: Timestamp, points: &mut Points) -> bool {
        if !self.pattern.may_match_any(batch.messages()) {
            return false;
        }
        let (first, last) = (now.minus(EVENT_AGE_MAX).as_millis(), now.plus(EVENT_LEAD_MAX).as_millis());
        let mut is_matched = false;
        for (at, message) in batch.events() {
            // The metric store takes what the API takes.
            if at < first || at > last || !self.pattern.matches(message) {
                continue;
            }
            is_matched = true;
            if let Some((id, value)) = self.point(message) {
                let at = Timestamp::from_secs(at.div_euclid(60_000) * 60);
                points.add(PointKey { id, at, unit: self.unit, is_fine: false }, value);
            }
        }
        is_matched
    }

    /// None for an event without a number where the value should be, or without one of the dimensions.
    fn point(&self, message: &[u8]) -> Option<(MetricId, f64)> {
        if let (Value::Number(number), true) = (&self.value, self.dimensions.is_empty()) {
            return Some((self.id.clone(), *number));
        }
        let mut fields: Vec<&Field> = self.dimensions.iter().map(|(_, field)| field).collect();
        if let Value::Field(field) = &self.value {
            fields.push(field);
        }
        let mut found = Field::values(&fields, &self.pattern, message);
        let value = match &self.value {
            Value::Number(number) => *number,
            Value::Field(_) => found.pop()??.trim().parse().ok().filter(|number: &f64| number.is_finite())?,
        };
        let mut id = self.id.clone();
        if !self.dimensions.is_empty() {
            let mut pairs = Vec::with_capacity(found.len());
            for ((name, _), value) in self.dimensions.iter().zip(found) {
                pairs.push((name.as_str(), value.filter(|value| !value.is_empty())?));
            }
            let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
            id = MetricId::new(id.partition, id.namespace, id.name, pairs);
        }
        Some((id, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use state_model::Scope;
    use state_model::logs::FilterMetric;

    use super::*;

    fn check(pattern: &str, value: &str, dimensions: &[(&str, &str)], messages: &[&str], expect: &[&str]) {
        let filter = MetricFilter {
            scope: Scope::new("1", "eu"),
            group: "g".into(),
            name: "f".into(),
            pattern: pattern.into(),
            created_at: Timestamp(0),
            metric: FilterMetric {
                namespace: "N".into(),
                name: "m".into(),
                value: value.into(),
                default_value: None,
                dimensions: dimensions
                    .iter()
                    .map(|(name, field)| ((*name).to_owned(), (*field).to_owned()))
                    .collect::<BTreeMap<_, _>>(),
                unit: Some("Count".into()),
            },
        };
        let filter = CompiledFilter::new(&filter).expect("a filter");
        let mut batch = Batch::new();
        for message in messages {
            assert!(batch.push(61_000, message.as_bytes()));
        }
        let mut points = Points::default();
        filter.apply(&batch, Timestamp(61_000), &mut points);
        let mut found: Vec<String> = points
            .into_samples()
            .into_iter()
            .map(|sample| format!("{:?} {:?} {}", sample.id.dimensions, sample.values, sample.at.as_secs()))
            .collect();
        found.sort();
        assert_eq!(found, expect);
    }

    #[test]
    fn events_become_points() {
        check("ERROR", "1", &[], &["ERROR a", "fine", "ERROR b"], &["[] Counted([(1.0, 2.0)]) 60"]);
        check("ERROR", "1", &[], &["fine"], &[]);
        check("", "2", &[], &["x"], &["[] Counted([(2.0, 1.0)]) 60"]);
        let json = [
            r#"{"ms":5,"path":"/a"}"#,
            r#"{"ms":7,"path":"/b"}"#,
            r#"{"ms":"slow","path":"/a"}"#,
            r#"{"ms":1}"#,
        ];
        check("{ $.ms = * }", "$.ms", &[], &json, &["[] Counted([(5.0, 1.0), (7.0, 1.0), (1.0, 1.0)]) 60"]);
        check(
            "{ $.ms = * }",
            "$.ms",
            &[("Path", "$.path")],
            &json,
            &[r#"[("Path", "/a")] Counted([(5.0, 1.0)]) 60"#, r#"[("Path", "/b")] Counted([(7.0, 1.0)]) 60"#],
        );
        check("[ip, size > 10]", "$size", &[], &["a 9", "a 11"], &["[] Counted([(11.0, 1.0)]) 60"]);
    }
}
