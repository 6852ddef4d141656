use api_auth::Context;
use state_model::cloudwatch::{Alarm, MetricSource, Watch};
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch as wire;

use super::super::CloudWatch;
use super::limits::METRIC_CHARS_MAX;
use super::metric_source::dimensions_of;
use super::render;
use super::violations::{AlarmConstraints, Violations};

/// The alarms on exactly this metric; alarms on metric math are none of them.
pub async fn describe_alarms_for_metric(
    context: Context<CloudWatch>,
    input: wire::DescribeAlarmsForMetricInput,
) -> Result<wire::DescribeAlarmsForMetricOutput, ServiceError> {
    context.authorise("cloudwatch:DescribeAlarmsForMetric", "*")?;
    let mut violations = Violations::default();
    violations.required(input.metric_name.as_ref(), "metricName");
    violations.required(input.namespace.as_ref(), "namespace");
    violations.length(input.metric_name.as_deref(), "metricName", 1, METRIC_CHARS_MAX);
    violations.length(input.namespace.as_deref(), "namespace", 1, METRIC_CHARS_MAX);
    violations.in_range(input.period, "period", 1, i32::MAX);
    violations.statistic(input.statistic.as_ref());
    violations.unit(input.unit.as_ref());
    violations.check()?;
    let dimensions = dimensions_of(input.dimensions.as_deref().unwrap_or_default())?;
    let statistic = input.statistic.as_ref().map(wire::Statistic::as_str);
    let statistic = statistic.or(input.extended_statistic.as_deref());
    let view = context.view();
    let metric = format!(
        "{}/{}",
        input.namespace.as_deref().unwrap_or_default(),
        input.metric_name.as_deref().unwrap_or_default()
    );
    let alarms = view.alarms.by(Alarm::METRIC, &context.scope.key(&metric)).filter_map(|alarm| {
        let Watch::Metric(watch) = &alarm.watch else { return None };
        let MetricSource::One(stat) = &watch.source else { return None };
        let is_asked = stat.dimensions == dimensions
            && Some(&stat.name) == input.metric_name.as_ref()
            && statistic.is_none_or(|statistic| stat.stat == statistic)
            && input.period.is_none_or(|period| i64::from(period) == i64::from(stat.period_secs))
            && input.unit.as_ref().is_none_or(|unit| stat.unit.as_deref() == Some(unit.as_str()));
        is_asked.then(|| render::metric_alarm(&view, alarm, watch))
    });
    Ok(wire::DescribeAlarmsForMetricOutput { metric_alarms: Some(alarms.collect()) })
}
