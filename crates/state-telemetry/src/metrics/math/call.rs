//! The value of an expression, and the functions.

use std::collections::HashMap;
use std::sync::Arc;

use stdx::clock::Timestamp;

use super::aggregate::Aggregate;
use super::operate;
use super::parse::Expression;
use super::search;
use super::select;
use super::transform::{Filler, fill, transform};
use super::value::{Fault, Origin, TimeSeries, Value};
use crate::limits::MATH_POINTS_MAX;
use crate::metrics::stat::Stat;
use crate::metrics::store::{MetricStore, PointQuery};

/// What an expression is computed in.
pub(in crate::metrics) struct Context<'a> {
    /// None when an expression is only checked: then nothing has data.
    pub store: Option<&'a MetricStore>,
    pub partition: &'a str,
    /// Seconds.
    pub from: i64,
    pub until: i64,
    /// For what has no period of its own.
    pub period: u32,
    /// What the other queries yield, as far as it is known already.
    pub known: &'a HashMap<&'a str, Value>,
    /// The queries that are metrics, in their order.
    pub metrics: &'a [&'a str],
}

pub(in crate::metrics) fn compute(expression: &Expression, context: &Context<'_>) -> Result<Value, Fault> {
    match expression {
        Expression::Number(number) => Ok(Value::Scalar(*number)),
        Expression::Text(text) => Ok(Value::Text(text.clone())),
        Expression::Name(name) => match context.known.get(name.as_str()) {
            Some(value) => Ok(value.clone()),
            None => Err(format!("Unknown metric or expression '{name}'").into()),
        },
        Expression::Array(all) => {
            let values: Result<_, _> = all.iter().map(|inner| compute(inner, context)).collect();
            select::array(values?)
        }
        Expression::Negate(inner) => operate::negate(&compute(inner, context)?),
        Expression::Binary(operator, left, right) => {
            operate::binary(*operator, &compute(left, context)?, &compute(right, context)?)
        }
        Expression::Call(name, arguments) => call(name, arguments, context),
    }
}

fn call(name: &str, arguments: &[Expression], context: &Context<'_>) -> Result<Value, Fault> {
    if let Some(change) = transform(name) {
        return change_one(name, change, &only(name, arguments, context)?);
    }
    if let Some(aggregate) = Aggregate::parse(name) {
        let value = only(name, arguments, context)?;
        return aggregate.apply(&value).ok_or_else(|| wrong_type(name, &value));
    }
    match name {
        "FILL" => call_fill(arguments, context),
        "FIRST" | "LAST" => {
            let mut all = array(name, only(name, arguments, context)?)?;
            Ok(select::one_of(if name == "LAST" { all.pop() } else { all.into_iter().next() }))
        }
        "IF" => call_if(arguments, context),
        "METRICS" => call_metrics(arguments, context),
        "PERIOD" => match only(name, arguments, context)? {
            Value::Series(series) => Ok(Value::Scalar(series.period.into())),
            value => Err(wrong_type(name, &value)),
        },
        "REMOVE_EMPTY" => {
            let mut all = array(name, only(name, arguments, context)?)?;
            all.retain(|series| !series.points.is_empty());
            Ok(Value::Array(all))
        }
        "SEARCH" => call_search(arguments, context),
        "SLICE" => {
            count(name, arguments, 2, 3)?;
            let all = array(name, compute(&arguments[0], context)?)?;
            let mut places = arguments[1..].iter().map(|place| index(name, place, context));
            Ok(select::slice(all, places.next().transpose()?.unwrap_or_default(), places.next().transpose()?))
        }
        "SORT" => {
            count(name, arguments, 3, 4)?;
            let all = array(name, compute(&arguments[0], context)?)?;
            let limit = arguments.get(3).map(|limit| index(name, limit, context)).transpose()?;
            select::sort(all, word(name, &arguments[1])?, word(name, &arguments[2])?, limit)
        }
        "TIME_SERIES" => match only(name, arguments, context)? {
            Value::Scalar(number) => {
                let series = TimeSeries { period: context.period, ..TimeSeries::default() };
                Ok(Value::Series(fill(&series, &grid(context, context.period)?, &Filler::Value(number))))
            }
            value => Err(wrong_type(name, &value)),
        },
        "ANOMALY_DETECTION_BAND"
        | "DB_PERF_INSIGHTS"
        | "INSIGHT_RULE_METRIC"
        | "LAMBDA"
        | "SERVICE_QUOTA" => Err(format!("Function '{name}' isn't supported here").into()),
        _ => Err(format!("Function '{name}' not found").into()),
    }
}

fn change_one(name: &str, change: fn(&TimeSeries) -> TimeSeries, value: &Value) -> Result<Value, Fault> {
    let takes_scalars = matches!(name, "ABS" | "CEIL" | "FLOOR" | "LOG" | "LOG10");
    let scalar = |number: f64| {
        let changed = change(&TimeSeries { points: vec![(0, number)], ..TimeSeries::default() });
        changed.points.first().map_or(f64::NAN, |(_, value)| *value)
    };
    match value {
        Value::Scalar(_) if !takes_scalars => Err(wrong_type(name, value)),
        _ => operate::each(value, change, scalar).ok_or_else(|| wrong_type(name, value)),
    }
}

/// `FILL(series, value | REPEAT | LINEAR)`.
fn call_fill(arguments: &[Expression], context: &Context<'_>) -> Result<Value, Fault> {
    count("FILL", arguments, 2, 2)?;
    let value = compute(&arguments[0], context)?;
    let filler = match &arguments[1] {
        Expression::Name(name) if name == "REPEAT" => Filler::Repeat,
        Expression::Name(name) if name == "LINEAR" => Filler::Linear,
        other => match compute(other, context)? {
            Value::Scalar(number) => Filler::Value(number),
            Value::Series(series) => Filler::Series(series),
            value => return Err(wrong_type("FILL", &value)),
        },
    };
    let fill_one = |series: &TimeSeries| -> Result<TimeSeries, Fault> {
        let period = if series.period > 0 { series.period } else { context.period };
        Ok(TimeSeries { period, ..fill(series, &grid(context, period)?, &filler) })
    };
    Ok(match &value {
        Value::Series(series) => Value::Series(fill_one(series)?),
        Value::Array(all) => Value::Array(all.iter().map(fill_one).collect::<Result<_, _>>()?),
        _ => return Err(wrong_type("FILL", &value)),
    })
}

/// `IF(condition, value[, other])`: without the other, there is no value where the condition is false.
fn call_if(arguments: &[Expression], context: &Context<'_>) -> Result<Value, Fault> {
    count("IF", arguments, 2, 3)?;
    let condition = compute(&arguments[0], context)?;
    let yes = compute(&arguments[1], context)?;
    let no = arguments.get(2).map(|other| compute(other, context)).transpose()?;
    for value in [Some(&yes), no.as_ref()].into_iter().flatten() {
        if matches!(value, Value::Array(_) | Value::Text(_)) {
            return Err(wrong_type("IF", value));
        }
    }
    let condition = match condition {
        Value::Scalar(number) if number != 0.0 && !number.is_nan() => return Ok(yes),
        Value::Scalar(_) => return Ok(no.unwrap_or_else(|| select::one_of(None))),
        Value::Series(series) => series,
        value => return Err(wrong_type("IF", &value)),
    };
    let value_at = |value: &Value, at| match value {
        Value::Scalar(number) => *number,
        Value::Series(series) => series.at(at).unwrap_or(f64::NAN),
        _ => f64::NAN,
    };
    let chosen = condition.points.iter().map(|(at, is_true)| {
        let chosen = if *is_true == 0.0 { no.as_ref() } else { Some(&yes) };
        (*at, chosen.map_or(f64::NAN, |value| value_at(value, *at)))
    });
    Ok(Value::Series(condition.with_points(chosen)))
}

/// `METRICS(["part of an id"])`.
fn call_metrics(arguments: &[Expression], context: &Context<'_>) -> Result<Value, Fault> {
    count("METRICS", arguments, 0, 1)?;
    let part = match arguments.first() {
        None => "",
        Some(Expression::Text(text)) => text,
        Some(_) => return Err("METRICS takes a String".into()),
    };
    let own = context.metrics.iter().filter(|id| id.contains(part)).filter_map(|id| context.known.get(*id));
    select::array(own.cloned().collect())
}

/// `SEARCH('what', 'Average'[, 300])`.
fn call_search(arguments: &[Expression], context: &Context<'_>) -> Result<Value, Fault> {
    count("SEARCH", arguments, 2, 3)?;
    let [Expression::Text(text), Expression::Text(stat)] = &arguments[..2] else {
        return Err("SEARCH takes a String to search for, and a String with a statistic".into());
    };
    let stat = Stat::parse(stat).map_err(|_| format!("SEARCH: invalid statistic '{stat}'"))?;
    let period = match arguments.get(2) {
        None => context.period,
        Some(Expression::Number(secs)) if *secs >= 1.0 && secs.fract() == 0.0 && *secs <= 86_400.0 => {
            *secs as u32
        }
        Some(_) => return Err("SEARCH: invalid period".into()),
    };
    let search = search::parse(text)?;
    let Some(store) = context.store else { return Ok(Value::Array(Vec::new())) };
    let found = search.find(store, context.partition, context.until);
    let labels = search::labels(&found);
    let mut all = Vec::with_capacity(found.len());
    for (id, label) in found.into_iter().zip(labels) {
        let points = read(
            store,
            PointQuery {
                id: id.clone(),
                from: Timestamp::from_secs(context.from),
                until: Timestamp::from_secs(context.until),
                period_secs: period,
                stat,
                unit: None,
            },
        )?;
        all.push(TimeSeries { label, origin: Some(Arc::new(Origin { id, stat })), period, points });
    }
    Ok(Value::Array(all))
}

pub(in crate::metrics) fn read(store: &MetricStore, query: PointQuery) -> Result<Vec<(i64, f64)>, Fault> {
    let points = store.points(&query).map_err(Fault::Read)?;
    Ok(points.into_iter().map(|point| (point.at.as_secs(), point.value)).collect())
}

/// The beginnings of all periods of the range.
fn grid(context: &Context<'_>, period: u32) -> Result<Vec<i64>, Fault> {
    let period = i64::from(period.max(1));
    if (context.until - context.from) / period > MATH_POINTS_MAX {
        return Err("The expression yields too many data points".into());
    }
    Ok((context.from..context.until).step_by(usize::try_from(period).unwrap_or(1)).collect())
}

fn only(name: &str, arguments: &[Expression], context: &Context<'_>) -> Result<Value, Fault> {
    count(name, arguments, 1, 1)?;
    compute(&arguments[0], context)
}

fn count(name: &str, arguments: &[Expression], min: usize, max: usize) -> Result<(), Fault> {
    if (min..=max).contains(&arguments.len()) {
        return Ok(());
    }
    let wanted = if min == max { min.to_string() } else { format!("{min} to {max}") };
    Err(format!("Function '{name}' takes {wanted} argument(s) but {} were given", arguments.len()).into())
}

fn array(name: &str, value: Value) -> Result<Vec<TimeSeries>, Fault> {
    match value {
        Value::Array(all) => Ok(all),
        value => Err(wrong_type(name, &value)),
    }
}

/// A word such as `DESC`, in quotes or not.
fn word<'a>(name: &str, argument: &'a Expression) -> Result<&'a str, Fault> {
    match argument {
        Expression::Name(word) | Expression::Text(word) => Ok(word),
        _ => Err(format!("Function '{name}' takes a word there").into()),
    }
}

fn index(name: &str, argument: &Expression, context: &Context<'_>) -> Result<usize, Fault> {
    match compute(argument, context)? {
        Value::Scalar(number) if number >= 0.0 && number.fract() == 0.0 && number < 1e6 => {
            Ok(number as usize)
        }
        Value::Scalar(_) => Err(format!("Function '{name}' takes whole numbers from 0").into()),
        value => Err(wrong_type(name, &value)),
    }
}

fn wrong_type(name: &str, value: &Value) -> Fault {
    format!("Unsupported operand type for function '{name}': '{}'", value.kind()).into()
}
