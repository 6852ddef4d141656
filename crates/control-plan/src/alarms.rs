//! What state an alarm comes into: from data points with gaps, or from the states of other alarms.
//!
//! Sources: "Using Amazon CloudWatch alarms", "Configuring how CloudWatch alarms treat missing data" and "Create a composite
//! alarm" in the CloudWatch User Guide.

pub mod composite;
mod reason;
pub mod schedule;
#[cfg(test)]
mod tests;
mod verdict;

use state_model::cloudwatch::transition::Next;
use state_model::cloudwatch::{MetricWatch, StateValue};
use stdx::clock::Timestamp;

pub use verdict::ignores_few_samples;

/// One period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Its beginning.
    pub at: Timestamp,
    /// None: no data arrived.
    pub point: Option<Datapoint>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    pub value: f64,
    /// How many samples it was computed from, where that was asked for.
    pub samples: Option<f64>,
}

/// What one evaluation looks at.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub watch: &'a MetricWatch,
    /// As many as [`evaluation_range`] says, newest last.
    pub windows: &'a [Window],
    pub state: StateValue,
    pub now: Timestamp,
    /// Windows that begin before it prove nothing by being empty: nobody could put data then.
    pub gaps_from: Timestamp,
}

/// Periods that are looked at: some more than the alarm's own, so that late and missing data doesn't change its state at once.
pub fn evaluation_range(watch: &MetricWatch) -> u32 {
    watch.evaluation_periods.saturating_add(RANGE_EXCESS)
}

/// CloudWatch looks at five periods for an alarm of three.
const RANGE_EXCESS: u32 = 2;

/// The state that the alarm comes into; none when it stays in the one it is in.
pub fn evaluate(evidence: &Evidence<'_>) -> Option<Next> {
    let verdict = verdict::of(evidence)?;
    (verdict.value != evidence.state).then(|| Next {
        value: verdict.value,
        reason: reason::text(evidence, &verdict),
        reason_data: Some(reason::data(evidence, &verdict)),
    })
}
