//! The words of the API for what records hold.

use super::{Alarm, Comparison, MetricSource, MetricStat, StateValue, TreatMissingData, Watch};

const COMPARISONS: [(Comparison, &str, &str); 4] = [
    (Comparison::GreaterThanOrEqualToThreshold, "GreaterThanOrEqualToThreshold", "greater than or equal to"),
    (Comparison::GreaterThanThreshold, "GreaterThanThreshold", "greater than"),
    (Comparison::LessThanThreshold, "LessThanThreshold", "less than"),
    (Comparison::LessThanOrEqualToThreshold, "LessThanOrEqualToThreshold", "less than or equal to"),
];

const TREATMENTS: [(TreatMissingData, &str); 4] = [
    (TreatMissingData::Missing, "missing"),
    (TreatMissingData::NotBreaching, "notBreaching"),
    (TreatMissingData::Breaching, "breaching"),
    (TreatMissingData::Ignore, "ignore"),
];

/// The statistics that are not extended ones.
pub const STATISTICS: [(&str, &str); 5] = [
    ("SampleCount", "SAMPLE_COUNT"),
    ("Average", "AVERAGE"),
    ("Sum", "SUM"),
    ("Minimum", "MINIMUM"),
    ("Maximum", "MAXIMUM"),
];

impl Comparison {
    pub fn parse(text: &str) -> Option<Self> {
        COMPARISONS.iter().find(|(_, name, _)| *name == text).map(|(comparison, ..)| *comparison)
    }

    pub fn as_str(self) -> &'static str {
        COMPARISONS.iter().find(|(own, ..)| *own == self).map_or("", |(_, name, _)| name)
    }

    /// As reasons say it: `greater than`.
    pub fn words(self) -> &'static str {
        COMPARISONS.iter().find(|(own, ..)| *own == self).map_or("", |(.., words)| words)
    }

    pub fn is_breached_by(self, value: f64, threshold: f64) -> bool {
        match self {
            Comparison::GreaterThanOrEqualToThreshold => value >= threshold,
            Comparison::GreaterThanThreshold => value > threshold,
            Comparison::LessThanThreshold => value < threshold,
            Comparison::LessThanOrEqualToThreshold => value <= threshold,
        }
    }
}

impl TreatMissingData {
    pub fn parse(text: &str) -> Option<Self> {
        TREATMENTS.iter().find(|(_, name)| *name == text).map(|(treatment, _)| *treatment)
    }

    pub fn as_str(self) -> &'static str {
        TREATMENTS.iter().find(|(own, _)| *own == self).map_or("", |(_, name)| name)
    }
}

impl StateValue {
    pub fn parse(text: &str) -> Option<Self> {
        let all = [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData];
        all.into_iter().find(|value| value.as_str().eq_ignore_ascii_case(text))
    }
}

impl MetricStat {
    /// Whether its statistic is one that only `ExtendedStatistic` names.
    pub fn is_extended(&self) -> bool {
        !STATISTICS.iter().any(|(name, _)| *name == self.stat)
    }
}

impl MetricSource {
    /// Seconds: of the metric, or of what the expression that returns data is computed with.
    pub fn period_secs(&self) -> u32 {
        let period = match self {
            MetricSource::One(stat) => stat.period_secs,
            MetricSource::Math(queries) => {
                let returned = queries.iter().find(|query| query.return_data);
                let own = returned
                    .and_then(|query| query.stat.as_ref().map(|stat| stat.period_secs).or(query.period_secs));
                let of_metrics = queries.iter().filter_map(|query| query.stat.as_ref());
                own.or_else(|| of_metrics.map(|stat| stat.period_secs).max()).unwrap_or(60)
            }
        };
        period.max(1)
    }
}

impl Alarm {
    pub fn is_composite(&self) -> bool {
        matches!(self.watch, Watch::Composite(_))
    }

    /// What runs when the alarm comes into the state.
    pub fn actions(&self, value: StateValue) -> &[String] {
        match value {
            StateValue::Ok => &self.ok_actions,
            StateValue::Alarm => &self.alarm_actions,
            StateValue::InsufficientData => &self.insufficient_data_actions,
        }
    }
}
