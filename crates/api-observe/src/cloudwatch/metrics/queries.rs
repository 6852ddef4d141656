//! Queries for data out of a request.

use std::collections::BTreeSet;

use state_model::Scope;
use state_telemetry::metrics::{Query, Source};
use wire_schema::ServiceError;
use wire_shapes_observe::cloudwatch::{MetricDataQuery, MetricStat};

use super::errors::{combination, invalid, required, too_many, validation};
use super::limits::{EXPRESSION_CHARS_MAX, NAME_CHARS_MAX, QUERIES_MAX};
use super::{series, times};

/// The period of an expression over no metric, such as `TIME_SERIES(1)`.
const PERIOD_DEFAULT: u32 = 60;

pub fn queries(scope: &Scope, given: &[MetricDataQuery]) -> Result<Vec<Query>, ServiceError> {
    if given.is_empty() {
        return Err(required("MetricDataQueries"));
    }
    if given.len() > QUERIES_MAX {
        return Err(too_many("MetricDataQueries", QUERIES_MAX));
    }
    let mut ids = BTreeSet::new();
    let mut found = Vec::with_capacity(given.len());
    for (query, number) in given.iter().zip(1..) {
        let member = format!("MetricDataQueries.member.{number}");
        let parsed = parse(scope, query, &member)?;
        if !ids.insert(parsed.id.clone()) {
            return Err(validation(format!(
                "The values for parameter id in MetricDataQueries are not unique: '{}'.",
                parsed.id
            )));
        }
        found.push(parsed);
    }
    // An expression without a period has the coarsest of the metrics.
    let coarsest = found.iter().map(|query| query.period).max().filter(|period| *period > 0);
    for query in found.iter_mut().filter(|query| query.period == 0) {
        query.period = coarsest.unwrap_or(PERIOD_DEFAULT);
    }
    if !found.iter().any(|query| query.returns_data) {
        return Err(validation("At least one of the MetricDataQueries must have ReturnData set to true."));
    }
    Ok(found)
}

fn parse(scope: &Scope, query: &MetricDataQuery, member: &str) -> Result<Query, ServiceError> {
    let parameter = format!("{member}.Id");
    let id = series::text(query.id.as_deref(), &parameter, NAME_CHARS_MAX)?;
    let rest = |next: char| next.is_ascii_alphanumeric() || next == '_';
    if !id.starts_with(|first: char| first.is_ascii_lowercase()) || !id.chars().all(rest) {
        return Err(invalid(id, &parameter));
    }
    if let Some(account) = query.account_id.as_ref().filter(|account| **account != scope.account) {
        return Err(validation(format!("The account {account} is not linked with this account.")));
    }
    let (source, period) = match (&query.metric_stat, &query.expression) {
        (Some(_), Some(_)) => {
            return Err(combination(format!(
                "The parameters {member}.Expression and {member}.MetricStat are mutually exclusive and you have specified both."
            )));
        }
        (None, None) => {
            return Err(combination(format!(
                "Either {member}.Expression or {member}.MetricStat must be specified."
            )));
        }
        (Some(stat), None) => metric(scope, stat, &format!("{member}.MetricStat"))?,
        (None, Some(expression)) => {
            let parameter = format!("{member}.Expression");
            let text = series::text(Some(expression), &parameter, EXPRESSION_CHARS_MAX)?;
            let period = query.period.map(|period| times::period(Some(period), &format!("{member}.Period")));
            (Source::Expression(text.to_owned()), period.transpose()?.unwrap_or(0))
        }
    };
    Ok(Query {
        id: id.to_owned(),
        source,
        period,
        label: query.label.clone(),
        returns_data: query.return_data.unwrap_or(true),
    })
}

fn metric(scope: &Scope, given: &MetricStat, member: &str) -> Result<(Source, u32), ServiceError> {
    let metric = given.metric.as_ref().ok_or_else(|| required(&format!("{member}.Metric")))?;
    let namespace = series::namespace(metric.namespace.as_deref(), &format!("{member}.Metric.Namespace"))?;
    let name = format!("{member}.Metric.MetricName");
    let name = series::text(metric.metric_name.as_deref(), &name, NAME_CHARS_MAX)?;
    let dimensions = format!("{member}.Metric.Dimensions");
    let dimensions = series::dimensions(metric.dimensions.as_deref(), &dimensions)?;
    let period = times::period(given.period, &format!("{member}.Period"))?;
    let parameter = format!("{member}.Stat");
    let stat = given.stat.as_deref().ok_or_else(|| required(&parameter))?;
    let stat = series::stat(stat, &parameter)?;
    let unit = series::unit(given.unit.as_ref(), &format!("{member}.Unit"))?;
    Ok((Source::Metric { id: series::metric_id(scope, namespace, name, dimensions), stat, unit }, period))
}
