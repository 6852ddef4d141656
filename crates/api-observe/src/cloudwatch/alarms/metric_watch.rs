//! How a metric alarm compares.

use state_model::Scope;
use state_model::cloudwatch::{Comparison, MetricWatch, TreatMissingData, Windows};
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

use super::errors::{invalid, unserved};
use super::limits::{SPAN_LONG_MAX, SPAN_SHORT_MAX};
use super::metric_source;
use super::violations::Violations;

pub fn watch(input: &wire::PutMetricAlarmInput, scope: &Scope) -> Result<MetricWatch, ServiceError> {
    refuse(input)?;
    let mut violations = Violations::default();
    violations.required(input.evaluation_periods.as_ref(), "evaluationPeriods");
    violations.in_range(input.evaluation_periods, "evaluationPeriods", 1, i32::MAX);
    violations.in_range(input.datapoints_to_alarm, "datapointsToAlarm", 1, i32::MAX);
    violations.required(input.comparison_operator.as_ref(), "comparisonOperator");
    violations.one_of(
        input.comparison_operator.as_ref().map(wire::ComparisonOperator::as_str),
        "comparisonOperator",
        wire::ComparisonOperator::VALUES,
    );
    violations.one_of(
        input.treat_missing_data.as_deref(),
        "treatMissingData",
        &["breaching", "notBreaching", "ignore", "missing"],
    );
    violations.one_of(
        input.evaluate_low_sample_count_percentile.as_deref(),
        "evaluateLowSampleCountPercentile",
        &["evaluate", "ignore"],
    );
    violations.check()?;
    let source = metric_source::source(input, scope)?;
    let number = |given: i32| u32::try_from(given).unwrap_or(1);
    let evaluation_periods = number(input.evaluation_periods.unwrap_or(1));
    let datapoints_to_alarm = input.datapoints_to_alarm.map(number);
    if datapoints_to_alarm.is_some_and(|count| count > evaluation_periods) {
        return Err(invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods"));
    }
    span(source.period_secs(), evaluation_periods)?;
    let low_samples = input.evaluate_low_sample_count_percentile.as_deref();
    if low_samples.is_some() && input.extended_statistic.is_none() {
        return Err(invalid(
            "EvaluateLowSampleCountPercentile can only be specified for alarms based on a percentile.",
        ));
    }
    let threshold = input.threshold.filter(|threshold| threshold.is_finite());
    let missing = input.treat_missing_data.as_deref().and_then(TreatMissingData::parse);
    let comparison = input.comparison_operator.as_ref().map(wire::ComparisonOperator::as_str);
    Ok(MetricWatch {
        source,
        comparison: comparison.and_then(Comparison::parse).ok_or_else(|| unserved(ANOMALY))?,
        threshold: threshold
            .ok_or_else(|| invalid("Threshold must be specified for alarms based on static thresholds."))?,
        evaluation_periods,
        datapoints_to_alarm,
        treat_missing_data: missing.unwrap_or_default(),
        evaluate_low_sample_count: low_samples.map(|word| word == "evaluate"),
        windows: Windows::Aligned,
    })
}

const ANOMALY: &str = "Alarms based on anomaly detection models are";

fn refuse(input: &wire::PutMetricAlarmInput) -> Result<(), ServiceError> {
    let window = input.evaluation_window.as_ref();
    for (given, what) in [
        (input.threshold_metric_id.is_some(), ANOMALY),
        (input.evaluation_criteria.is_some(), "EvaluationCriteria: alarms based on PromQL are"),
        (input.evaluation_interval.is_some(), "EvaluationInterval: alarms based on PromQL are"),
        (input.warm_up_configuration.is_some(), "WarmUpConfiguration: warm-up periods are"),
        (input.action_configuration.is_some(), "ActionConfiguration: settings of notifications are"),
        // The other one, a sliding window, is what there is anyway.
        (
            window.is_some_and(|window| window.wall_clock_window.is_some()),
            "EvaluationWindow: wall clock windows are",
        ),
    ] {
        if given {
            return Err(unserved(what));
        }
    }
    Ok(())
}

fn span(period: u32, periods: u32) -> Result<(), ServiceError> {
    let seconds = u64::from(period) * u64::from(periods);
    let (most, words) =
        if period >= 3_600 { (SPAN_LONG_MAX, "seven days") } else { (SPAN_SHORT_MAX, "a day") };
    if seconds > most {
        return Err(invalid(format!(
            "Metrics cannot be checked across more than {words} (EvaluationPeriods * Period must be <= {most})."
        )));
    }
    Ok(())
}
