//! PutMetricData: adds data points, which are durable when it answers.

use api_auth::Context;
use state_telemetry::metrics::{Durability, Resolution, Sample, StatisticSet, Unit, Values};
use stdx::clock::Timestamp;
use wire_schema::{Empty, Instant, ServiceError};
use wire_shapes_observe::cloudwatch::{self as shapes, MetricDatum};

use super::super::CloudWatch;
use super::errors::{combination, invalid, invalid_value, not_put, required, too_many};
use super::limits::{
    DATA_PER_PUT_MAX, NAME_CHARS_MAX, SAMPLE_AGE_MAX, SAMPLE_LEAD_MAX, VALUE_MAX, VALUES_PER_DATUM_MAX,
};
use super::series;

pub async fn put_metric_data(
    context: Context<CloudWatch>,
    input: shapes::PutMetricDataInput,
) -> Result<Empty, ServiceError> {
    context.authorise("cloudwatch:PutMetricData", "*")?;
    let namespace = series::namespace(input.namespace.as_deref(), "Namespace")?;
    if namespace.to_ascii_uppercase().starts_with("AWS/") {
        return Err(invalid(namespace, "Namespace"));
    }
    let data = input.metric_data.unwrap_or_default();
    let entities = input.entity_metric_data.unwrap_or_default();
    if input.strict_entity_validation == Some(true) && !entities.is_empty() {
        return Err(invalid_value("Entities aren't kept here, so StrictEntityValidation can't be honoured."));
    }
    // Entities only say what a metric is about; the data points are the same without.
    let of_entities = entities.into_iter().zip(1..).flat_map(|(entity, number)| {
        let prefix = format!("EntityMetricData.member.{number}.");
        entity.metric_data.unwrap_or_default().into_iter().map(move |datum| (prefix.clone(), datum))
    });
    let all: Vec<(String, MetricDatum)> =
        data.into_iter().map(|datum| (String::new(), datum)).chain(of_entities).collect();
    if all.is_empty() {
        return Err(required("MetricData"));
    }
    if all.len() > DATA_PER_PUT_MAX {
        return Err(too_many("MetricData", DATA_PER_PUT_MAX));
    }
    let mut samples = Vec::with_capacity(all.len());
    for ((prefix, datum), number) in all.iter().zip(1..) {
        let member = format!("{prefix}MetricData.member.{number}");
        samples.extend(sample(&context, namespace, datum, &member)?);
    }
    context.service.metrics.put(samples, Durability::Synced).await.map_err(not_put)?;
    Ok(Empty {})
}

/// None for values that never occurred.
fn sample(
    context: &Context<CloudWatch>,
    namespace: &str,
    datum: &MetricDatum,
    member: &str,
) -> Result<Option<Sample>, ServiceError> {
    let name = series::text(datum.metric_name.as_deref(), &format!("{member}.MetricName"), NAME_CHARS_MAX)?;
    let dimensions = series::dimensions(datum.dimensions.as_deref(), &format!("{member}.Dimensions"))?;
    let resolution = match datum.storage_resolution {
        None | Some(60) => Resolution::Minute,
        Some(1) => Resolution::Second,
        Some(_) => {
            return Err(invalid_value(format!("The parameter {member}.StorageResolution must be 1 or 60.")));
        }
    };
    let unit = series::unit(datum.unit.as_ref(), &format!("{member}.Unit"))?.unwrap_or(Unit::None);
    let at = timestamp(datum.timestamp, context.now, member)?;
    let values = values(datum, member)?;
    let id = series::metric_id(&context.scope, namespace, name, dimensions);
    Ok(values.map(|values| Sample { id, at, unit, resolution, values }))
}

fn timestamp(given: Option<Instant>, now: Timestamp, member: &str) -> Result<Timestamp, ServiceError> {
    let Some(given) = given else { return Ok(now) };
    let at = Timestamp(given.millis);
    if at < now.minus(SAMPLE_AGE_MAX) {
        return Err(invalid_value(format!(
            "The parameter {member}.Timestamp must specify a time within the past two weeks."
        )));
    }
    if at > now.plus(SAMPLE_LEAD_MAX) {
        return Err(invalid_value(format!(
            "The parameter {member}.Timestamp must specify a time no more than two hours in the future."
        )));
    }
    Ok(at)
}

fn values(datum: &MetricDatum, member: &str) -> Result<Option<Values>, ServiceError> {
    let given = [
        ("Value", datum.value.is_some()),
        ("Values", datum.values.is_some()),
        ("StatisticValues", datum.statistic_values.is_some()),
    ];
    let mut given = given.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name);
    if let (Some(one), Some(other)) = (given.next(), given.next()) {
        return Err(combination(format!(
            "The parameters {member}.{one} and {member}.{other} are mutually exclusive and you have specified both."
        )));
    }
    if datum.counts.is_some() && datum.values.is_none() {
        return Err(combination(format!(
            "The parameter {member}.Counts can only be specified together with {member}.Values."
        )));
    }
    if let Some(set) = &datum.statistic_values {
        return statistic_set(set, member).map(|set| Some(Values::Set(set)));
    }
    match (datum.value, &datum.values) {
        (Some(value), _) => Ok(Some(Values::One(number(value, &format!("{member}.Value"))?))),
        (None, Some(values)) => counted(values, datum.counts.as_deref(), member),
        (None, None) => Err(required(&format!("{member}.Value"))),
    }
}

fn counted(values: &[f64], counts: Option<&[f64]>, member: &str) -> Result<Option<Values>, ServiceError> {
    if values.is_empty() {
        return Err(required(&format!("{member}.Values")));
    }
    if values.len() > VALUES_PER_DATUM_MAX {
        return Err(too_many(&format!("{member}.Values"), VALUES_PER_DATUM_MAX));
    }
    if counts.is_some_and(|counts| counts.len() != values.len()) {
        return Err(invalid_value(format!(
            "The parameters {member}.Values and {member}.Counts must be of the same size."
        )));
    }
    let mut pairs = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let place = index + 1;
        let value = number(*value, &format!("{member}.Values.member.{place}"))?;
        let count = counts.and_then(|counts| counts.get(index)).copied().unwrap_or(1.0);
        let parameter = format!("{member}.Counts.member.{place}");
        if number(count, &parameter)? < 0.0 {
            return Err(invalid_value(format!("The parameter {parameter} must not be negative.")));
        }
        pairs.push((value, count));
    }
    pairs.retain(|(_, count)| *count > 0.0);
    Ok((!pairs.is_empty()).then_some(Values::Counted(pairs)))
}

fn statistic_set(set: &shapes::StatisticSet, member: &str) -> Result<StatisticSet, ServiceError> {
    let value = |given: Option<f64>, name: &str| {
        let parameter = format!("{member}.StatisticValues.{name}");
        number(given.ok_or_else(|| required(&parameter))?, &parameter)
    };
    let set = StatisticSet {
        count: value(set.sample_count, "SampleCount")?,
        sum: value(set.sum, "Sum")?,
        minimum: value(set.minimum, "Minimum")?,
        maximum: value(set.maximum, "Maximum")?,
    };
    if set.count <= 0.0 {
        return Err(invalid_value(format!(
            "The parameter {member}.StatisticValues.SampleCount must be greater than 0."
        )));
    }
    if set.minimum > set.maximum {
        return Err(invalid_value(format!(
            "The parameter {member}.StatisticValues.Minimum must be less than or equal to {member}.StatisticValues.Maximum."
        )));
    }
    Ok(set)
}

fn number(value: f64, parameter: &str) -> Result<f64, ServiceError> {
    let is_good = value.is_finite() && value.abs() <= VALUE_MAX;
    if is_good { Ok(value) } else { Err(invalid(&value.to_string(), parameter)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(datum: MetricDatum, expect: Result<Option<Values>, &str>) {
        let found = values(&datum, "m").map_err(|error| error.message);
        assert_eq!(found, expect.map_err(str::to_owned));
    }

    #[test]
    fn values_are_checked() {
        let set = |count, min, max| {
            Some(shapes::StatisticSet {
                sample_count: Some(count),
                sum: Some(3.0),
                minimum: Some(min),
                maximum: Some(max),
            })
        };
        let datum = MetricDatum::default;
        check(MetricDatum { value: Some(1.5), ..datum() }, Ok(Some(Values::One(1.5))));
        check(MetricDatum { value: Some(-VALUE_MAX), ..datum() }, Ok(Some(Values::One(-VALUE_MAX))));
        check(
            MetricDatum { value: Some(f64::NAN), ..datum() },
            Err("The value NaN for parameter m.Value is invalid."),
        );
        check(
            MetricDatum { value: Some(f64::INFINITY), ..datum() },
            Err("The value inf for parameter m.Value is invalid."),
        );
        check(datum(), Err("The parameter m.Value is required."));
        check(
            MetricDatum { value: Some(1.0), values: Some(vec![1.0]), ..datum() },
            Err("The parameters m.Value and m.Values are mutually exclusive and you have specified both."),
        );
        check(
            MetricDatum { values: Some(vec![1.0, 2.0]), counts: Some(vec![3.0, 0.0]), ..datum() },
            Ok(Some(Values::Counted(vec![(1.0, 3.0)]))),
        );
        check(
            MetricDatum { values: Some(vec![1.0, 2.0]), counts: Some(vec![3.0]), ..datum() },
            Err("The parameters m.Values and m.Counts must be of the same size."),
        );
        check(
            MetricDatum { values: Some(vec![1.0; 151]), ..datum() },
            Err("The collection m.Values must not have a size greater than 150."),
        );
        check(
            MetricDatum { statistic_values: set(2.0, 1.0, 2.0), ..datum() },
            Ok(Some(Values::Set(StatisticSet { count: 2.0, sum: 3.0, minimum: 1.0, maximum: 2.0 }))),
        );
        check(
            MetricDatum { statistic_values: set(0.0, 1.0, 2.0), ..datum() },
            Err("The parameter m.StatisticValues.SampleCount must be greater than 0."),
        );
        assert!(values(&MetricDatum { statistic_values: set(2.0, 2.0, 1.0), ..datum() }, "m").is_err());
    }
}
