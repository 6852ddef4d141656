//! Several queries at once, some of which are expressions over others.

use stdx::clock::Timestamp;

use super::ReadError;
use super::id::MetricId;
use super::sample::Unit;
use super::stat::Stat;
use super::store::{MetricStore, Point, PointQuery};

#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// How expressions call it: `[a-z][A-Za-z0-9_]*`.
    pub id: String,
    pub source: Source,
    /// Seconds.
    pub period: u32,
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
    _partition: &str,
    queries: &[Query],
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Series>, EvaluateError> {
    let mut all = Vec::new();
    for query in queries.iter().filter(|query| query.returns_data) {
        let Source::Metric { id, stat, unit } = &query.source else {
            let message = String::from("expressions are not served yet");
            return Err(EvaluateError::Expression { query_id: query.id.clone(), message });
        };
        let wanted =
            PointQuery { id: id.clone(), from, until, period_secs: query.period, stat: *stat, unit: *unit };
        all.push(Series {
            query_id: query.id.clone(),
            label: query.label.clone().unwrap_or_else(|| id.name.to_string()),
            points: store.points(&wanted)?,
        });
    }
    Ok(all)
}
