//! Metric filters: what events of a group add to a metric.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::named_key;
use crate::Scope;
use crate::record::Record;

/// Written by the API; the ingestion of events reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricFilter {
    pub scope: Scope,
    pub group: String,
    pub name: String,
    /// As it was given.
    pub pattern: String,
    pub created_at: Timestamp,
    pub metric: FilterMetric,
}

/// What a matching event adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilterMetric {
    pub namespace: String,
    pub name: String,
    /// A number, or the field that holds it: `$.latency`, `$bytes`.
    pub value: String,
    /// Added once for each minute in which events came and none matched.
    #[serde(default)]
    pub default_value: Option<f64>,
    /// Names of dimensions, and the fields that hold their values.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    #[serde(default)]
    pub unit: Option<String>,
}

impl MetricFilter {
    /// With an empty name: the prefix of all filters of the group. Neither name has a colon.
    pub fn key_of(scope: &Scope, group: &str, name: &str) -> String {
        named_key(scope, group, name)
    }
}

impl Record for MetricFilter {
    const TABLE: &'static str = "log-metric-filter";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.group, &self.name)
    }
}
