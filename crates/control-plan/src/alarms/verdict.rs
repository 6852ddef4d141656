//! M of N, and what stands in for data that is missing.

use state_model::cloudwatch::{MetricSource, MetricWatch, StateValue, TreatMissingData};

use super::{Evidence, Window};

/// A state, and what it was concluded from.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub value: StateValue,
    /// The real data points that counted, newest first.
    pub counted: Vec<Window>,
    /// Missing ones that something stood in for.
    pub filled: usize,
}

/// None: the state that the alarm is in stays.
pub fn of(evidence: &Evidence<'_>) -> Option<Verdict> {
    let watch = evidence.watch;
    let n = watch.evaluation_periods as usize;
    let m = watch.datapoints_to_alarm.unwrap_or(watch.evaluation_periods) as usize;
    let real = evidence.windows.iter().rev().filter(|window| window.point.is_some());
    let counted: Vec<Window> = real.take(n).copied().collect();
    let breaching = counted.iter().filter(|window| breaches(watch, window)).count();
    if counted.iter().any(|window| has_few_samples(watch, window)) {
        return None;
    }
    let state = |is_alarm: bool| if is_alarm { StateValue::Alarm } else { StateValue::Ok };
    let missing = n - counted.len();
    if missing == 0 {
        return Some(Verdict { value: state(breaching >= m), counted, filled: 0 });
    }
    let (value, filled) = if breaching >= m {
        // Whatever is missing, enough isn't.
        (StateValue::Alarm, 0)
    } else if !gaps_count(evidence) {
        return None;
    } else {
        match watch.treat_missing_data {
            TreatMissingData::Breaching => (state(breaching + missing >= m), missing),
            TreatMissingData::NotBreaching => (StateValue::Ok, missing),
            _ if breaching < counted.len() => (StateValue::Ok, 0),
            TreatMissingData::Ignore => return None,
            TreatMissingData::Missing if counted.is_empty() => (StateValue::InsufficientData, 0),
            TreatMissingData::Missing => (premature(evidence, m)?, 0),
        }
    };
    Some(Verdict { value, counted, filled })
}

/// All data that there is breaches, but it is less than M: an alarm only if the oldest of it is at least as old as M periods. If
/// it is younger, the next one may be fine, and the alarm would have been premature.
fn premature(evidence: &Evidence<'_>, m: usize) -> Option<StateValue> {
    let oldest = evidence.windows.iter().position(|window| window.point.is_some())?;
    let age = evidence.windows.len() - oldest;
    (age >= m).then_some(StateValue::Alarm)
}

fn gaps_count(evidence: &Evidence<'_>) -> bool {
    evidence.windows.first().is_none_or(|oldest| oldest.at >= evidence.gaps_from)
}

pub fn breaches(watch: &MetricWatch, window: &Window) -> bool {
    window.point.is_some_and(|point| watch.comparison.is_breached_by(point.value, watch.threshold))
}

/// A percentile of few samples says little: an alarm may ask to stay as it is then.
fn has_few_samples(watch: &MetricWatch, window: &Window) -> bool {
    let Some(samples) = window.point.and_then(|point| point.samples) else { return false };
    ignores_few_samples(watch).is_some_and(|least| samples < least)
}

/// How many samples make the alarm's percentile significant, if that matters to it.
pub fn ignores_few_samples(watch: &MetricWatch) -> Option<f64> {
    if watch.evaluate_low_sample_count != Some(false) {
        return None;
    }
    let MetricSource::One(stat) = &watch.source else { return None };
    let part: f64 = stat.stat.strip_prefix('p')?.parse().ok()?;
    let part = part / 100.0;
    Some(if part >= 0.5 { 10.0 / (1.0 - part) } else { 10.0 / part })
}
