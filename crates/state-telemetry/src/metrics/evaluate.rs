//! Several queries at once, some of which are expressions over others.

use std::collections::HashMap;
use std::sync::Arc;

use stdx::clock::Timestamp;

use super::ReadError;
use super::id::MetricId;
use super::label;
use super::math::{self, Context, Expression, Fault, Origin, TimeSeries, Value};
use super::sample::Unit;
use super::stat::Stat;
use super::store::{MetricStore, Point, PointQuery};

#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// How expressions call it: `[a-z][A-Za-z0-9_]*`.
    pub id: String,
    pub source: Source,
    /// Seconds. Of an expression: of what has no period of its own (TIME_SERIES, SEARCH without one); 0 for the longest of the
    /// metrics.
    pub period: u32,
    /// May hold `${…}` parts.
    pub label: Option<String>,
    pub returns_data: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Metric {
        id: MetricId,
        stat: Stat,
        unit: Option<Unit>,
    },
    /// Metric math. SEARCH looks in the partition that [`evaluate`] is given.
    Expression(String),
}

/// What one query yields; a SEARCH yields several.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub query_id: String,
    pub label: String,
    /// Ascending.
    pub points: Vec<Point>,
}

#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// In CloudWatch's words.
    #[error("{message}")]
    Expression { query_id: String, message: String },
}

/// The queries that return data, in their order. Periods begin at `from`, which the caller has aligned. Blocks on the disk.
pub fn evaluate(
    store: &MetricStore,
    partition: &str,
    queries: &[Query],
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Series>, EvaluateError> {
    let range = Range { store: Some(store), partition, from: from.as_secs(), until: until.as_secs() };
    run(&range, queries)
}

/// Whether [`evaluate`] would refuse the queries, whatever data there is: syntax, functions and their arguments, names, circles.
pub fn check(queries: &[Query]) -> Result<(), EvaluateError> {
    run(&Range { store: None, partition: "", from: 0, until: 0 }, queries).map(drop)
}

struct Range<'a> {
    store: Option<&'a MetricStore>,
    partition: &'a str,
    from: i64,
    until: i64,
}

fn run(range: &Range<'_>, queries: &[Query]) -> Result<Vec<Series>, EvaluateError> {
    let mut known: HashMap<&str, Value> = HashMap::new();
    let mut waiting = Vec::new();
    let mut metrics = Vec::new();
    for query in queries {
        match &query.source {
            Source::Metric { id, stat, unit } => {
                metrics.push(query.id.as_str());
                let series = metric(range, query, id, *stat, *unit)?;
                known.insert(&query.id, Value::Series(series));
            }
            Source::Expression(text) => {
                let parsed = parse(text).map_err(|message| failed(query, &message))?;
                waiting.push((query, parsed));
            }
        }
    }
    let period_max = queries
        .iter()
        .filter(|query| matches!(query.source, Source::Metric { .. }))
        .map(|query| query.period)
        .max();
    while !waiting.is_empty() {
        let count = waiting.len();
        let mut blocked = Vec::new();
        for (query, expression) in waiting {
            let is_ready =
                |name: &&str| known.contains_key(name) || !queries.iter().any(|other| other.id == **name);
            if !expression.names().iter().all(is_ready) {
                blocked.push((query, expression));
                continue;
            }
            let context = Context {
                store: range.store,
                partition: range.partition,
                from: range.from,
                until: range.until,
                period: if query.period > 0 { query.period } else { period_max.unwrap_or(60) },
                known: &known,
                metrics: &metrics,
            };
            let value = math::compute(&expression, &context).map_err(|fault| explain(query, fault))?;
            known.insert(&query.id, value);
        }
        if blocked.len() == count {
            let (query, _) = &blocked[0];
            return Err(failed(query, "The expression depends on itself"));
        }
        waiting = blocked;
    }
    let mut all = Vec::new();
    for query in queries.iter().filter(|query| query.returns_data) {
        all.extend(results(query, known.get(query.id.as_str()))?);
    }
    Ok(all)
}

fn parse(text: &str) -> Result<Expression, String> {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.eq_ignore_ascii_case("SELECT") {
        return Err(String::from("Metrics Insights queries aren't supported here"));
    }
    math::parse(text)
}

fn metric(
    range: &Range<'_>,
    query: &Query,
    id: &MetricId,
    stat: Stat,
    unit: Option<Unit>,
) -> Result<TimeSeries, EvaluateError> {
    let points = match range.store {
        None => Vec::new(),
        Some(store) => {
            let (from, until) = (Timestamp::from_secs(range.from), Timestamp::from_secs(range.until));
            let points = store.points(&PointQuery {
                id: id.clone(),
                from,
                until,
                period_secs: query.period,
                stat,
                unit,
            })?;
            points.into_iter().map(|point| (point.at.as_secs(), point.value)).collect()
        }
    };
    let origin = Some(Arc::new(Origin { id: id.clone(), stat }));
    let plain = TimeSeries { label: id.name.to_string(), origin, period: query.period, points };
    let label = query.label.as_ref().map(|template| label::render(template, &plain.label, &plain));
    Ok(TimeSeries { label: label.unwrap_or_else(|| plain.label.clone()), ..plain })
}

/// What a query that returns data returns. Each series of an array keeps its own label, behind that of the query.
fn results(query: &Query, value: Option<&Value>) -> Result<Vec<Series>, EvaluateError> {
    let named = |label: String, series: &TimeSeries| {
        let point = |(at, value): &(i64, f64)| Point { at: Timestamp::from_secs(*at), value: *value };
        Series { query_id: query.id.clone(), label, points: series.points.iter().map(point).collect() }
    };
    let is_metric = matches!(query.source, Source::Metric { .. });
    Ok(match value {
        Some(Value::Series(series)) if is_metric => vec![named(series.label.clone(), series)],
        Some(Value::Series(series)) => {
            let template = query.label.as_deref().unwrap_or(&query.id);
            vec![named(label::render(template, &query.id, series), series)]
        }
        Some(Value::Array(all)) => {
            let label = |series: &TimeSeries| match &query.label {
                None => series.label.clone(),
                Some(template) if template.contains("${") => label::render(template, &series.label, series),
                Some(label) => format!("{label} {}", series.label),
            };
            all.iter().map(|series| named(label(series).trim().to_owned(), series)).collect()
        }
        Some(Value::Scalar(_)) => {
            return Err(failed(
                query,
                "A Scalar can't be returned: make a TimeSeries of it with TIME_SERIES",
            ));
        }
        Some(Value::Text(_)) | None => return Err(failed(query, "A String can't be returned")),
    })
}

fn explain(query: &Query, fault: Fault) -> EvaluateError {
    match fault {
        Fault::Message(message) => failed(query, &message),
        Fault::Read(error) => EvaluateError::Read(error),
    }
}

fn failed(query: &Query, message: &str) -> EvaluateError {
    let message = format!("Error in expression '{}': {message}", query.id);
    EvaluateError::Expression { query_id: query.id.clone(), message }
}
