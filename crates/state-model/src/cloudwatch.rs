//! Records of CloudWatch: alarms, their states and what they went through. Data points live in the metric store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::autoscaling::policy_id_of;
use crate::record::{IndexSink, Record};

pub mod history;
mod names;
pub mod notification;
pub mod rule;
pub mod suppression;
pub mod transition;

pub use history::{AlarmHistory, HistoryKind};
pub use names::STATISTICS;
pub use suppression::{AlarmSuppression, SuppressedBy};

/// Written by the API, and by Application Auto Scaling for the alarms of its policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub scope: Scope,
    pub name: String,
    pub watch: Watch,
    #[serde(default)]
    pub description: Option<String>,
    pub actions_enabled: bool,
    /// ARNs of topics and of scaling policies, per state.
    #[serde(default)]
    pub ok_actions: Vec<String>,
    #[serde(default)]
    pub alarm_actions: Vec<String>,
    #[serde(default)]
    pub insufficient_data_actions: Vec<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// 32 hexadecimal digits: tells alarms apart that had the same name one after the other.
    pub uid: String,
    pub created_at: Timestamp,
    pub configured_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Watch {
    Metric(Box<MetricWatch>),
    Composite(CompositeWatch),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricWatch {
    pub source: MetricSource,
    pub comparison: Comparison,
    pub threshold: f64,
    pub evaluation_periods: u32,
    /// None: all of them.
    #[serde(default)]
    pub datapoints_to_alarm: Option<u32>,
    #[serde(default)]
    pub treat_missing_data: TreatMissingData,
    /// None: not given, so percentiles of few samples are evaluated. False: `ignore`.
    #[serde(default)]
    pub evaluate_low_sample_count: Option<bool>,
    /// Where periods begin.
    #[serde(default)]
    pub windows: Windows,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Windows {
    /// At multiples of the period where that is a minute or less; longer ones end with each full minute, and overlap, as CloudWatch
    /// evaluates what users define.
    #[default]
    Aligned,
    /// The last one ends with the newest full second, and there is an evaluation each second. For the alarms of target tracking on
    /// high-resolution metrics, which are measured each second: a load step is seen as soon as it has lasted.
    Sliding,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetricSource {
    One(MetricStat),
    /// Metric math: exactly one query returns data.
    Math(Vec<MetricQuery>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricStat {
    pub namespace: String,
    pub name: String,
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    pub period_secs: u32,
    /// `Average`, `p99.9`, `TM(10%:90%)` …
    pub stat: String,
    #[serde(default)]
    pub unit: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricQuery {
    pub id: String,
    /// Either this or an expression.
    #[serde(default)]
    pub stat: Option<MetricStat>,
    #[serde(default)]
    pub expression: Option<String>,
    /// Of an expression.
    #[serde(default)]
    pub period_secs: Option<u32>,
    #[serde(default)]
    pub label: Option<String>,
    pub return_data: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreatMissingData {
    #[default]
    Missing,
    NotBreaching,
    Breaching,
    Ignore,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompositeWatch {
    /// `ALARM("one") AND NOT OK("other")`
    pub rule: String,
    #[serde(default)]
    pub suppressor: Option<Suppressor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suppressor {
    /// A name or an ARN.
    pub alarm: String,
    pub wait_secs: u32,
    pub extension_secs: u32,
}

impl Alarm {
    /// Index: composite alarms, by the keys of the alarms that their rules name.
    pub const CHILD: &'static str = "child";
    /// Index: composite alarms, by the key of the alarm that suppresses their actions.
    pub const SUPPRESSOR: &'static str = "suppressor";
    /// Index: alarms on one metric, by `account/region/namespace/name`.
    pub const METRIC: &'static str = "metric";
    /// Index: the alarms that call a scaling policy, by the policy's id.
    pub const SCALING_POLICY: &'static str = "scaling-policy";

    pub fn key_of(scope: &Scope, name: &str) -> String {
        scope.key(name)
    }

    pub fn arn(&self) -> String {
        self.scope.arn("cloudwatch", &format!("alarm:{}", self.name))
    }
}

impl Record for Alarm {
    const TABLE: &'static str = "cloudwatch-alarm";

    fn key(&self) -> String {
        Self::key_of(&self.scope, &self.name)
    }

    fn index(&self, sink: IndexSink<'_>) {
        match &self.watch {
            Watch::Metric(watch) => {
                if let MetricSource::One(stat) = &watch.source {
                    sink(Self::METRIC, self.scope.key(&format!("{}/{}", stat.namespace, stat.name)));
                }
            }
            Watch::Composite(watch) => {
                if let Ok(rule) = rule::Rule::parse(&watch.rule, &self.scope) {
                    rule.children()
                        .iter()
                        .for_each(|child| sink(Self::CHILD, Self::key_of(&self.scope, child)));
                }
                if let Some(suppressor) = &watch.suppressor {
                    sink(Self::SUPPRESSOR, Self::key_of(&self.scope, suppressor.name(&self.scope)));
                }
            }
        }
        let actions =
            self.ok_actions.iter().chain(&self.alarm_actions).chain(&self.insufficient_data_actions);
        for policy in actions.filter_map(|action| policy_id_of(action)) {
            sink(Self::SCALING_POLICY, policy.to_owned());
        }
    }
}

impl Suppressor {
    /// Of the alarm, without what an ARN says besides.
    pub fn name(&self, scope: &Scope) -> &str {
        self.alarm.strip_prefix(&scope.arn("cloudwatch", "alarm:")).unwrap_or(&self.alarm)
    }
}

/// Written by the alarms loop, and by SetAlarmState. Alarms without one were just made: `INSUFFICIENT_DATA`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmState {
    pub scope: Scope,
    pub name: String,
    /// Of the alarm that it is the state of: another one's state doesn't count.
    pub uid: String,
    pub value: StateValue,
    pub reason: String,
    /// JSON.
    #[serde(default)]
    pub reason_data: Option<String>,
    /// When the reason last changed.
    pub updated_at: Timestamp,
    /// When the value last changed.
    pub transitioned_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateValue {
    Ok,
    Alarm,
    InsufficientData,
}

impl StateValue {
    pub const fn as_str(self) -> &'static str {
        match self {
            StateValue::Ok => "OK",
            StateValue::Alarm => "ALARM",
            StateValue::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

impl Record for AlarmState {
    const TABLE: &'static str = "cloudwatch-alarm-state";

    fn key(&self) -> String {
        Alarm::key_of(&self.scope, &self.name)
    }
}
