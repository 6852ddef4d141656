//! Metric alarms: from data points to a state.

use std::sync::Arc;
use std::time::Duration;

use control_plan::alarms::{self, Datapoint, Evidence, Window, schedule};
use state_model::Scope;
use state_model::cloudwatch::transition::{self, Actions, Change};
use state_model::cloudwatch::{Alarm, AlarmState, MetricQuery, MetricSource, MetricStat, MetricWatch};
use state_tables::{Row, Transaction, View, alarm_changes};
use state_telemetry::metrics::{
    self, EvaluateError, MetricId, MetricStore, Query, Series, Source, Stat, Unit,
};
use stdx::clock::Timestamp;
use stdx_async::supervisor;
use tracing::{debug, warn};

use super::memory::{Remembered, Watched};
use crate::LoopContext;
use crate::driver::LoopError;
use crate::limits::ALARM_WRITES_PER_COMMIT;

/// Beside the alarm's own query: how many samples each point was computed from.
const SAMPLES: &str = "samples_beside";
const OWN: &str = "own";

/// One alarm that is due.
struct Job {
    key: Arc<str>,
    row: Row<Alarm>,
    queries: Arc<[Query]>,
    from: Timestamp,
    period: Duration,
    range: u32,
}

pub(super) async fn evaluate_due(
    context: &LoopContext,
    store: MetricStore,
    remembered: &mut Remembered,
    now: Timestamp,
) -> Result<(), LoopError> {
    let due = remembered.take_due(now);
    let jobs: Vec<Job> = due
        .into_iter()
        .filter_map(|key| {
            let watched = remembered.watched(&key)?;
            job(Arc::clone(&key), watched, now)
        })
        .collect();
    if jobs.is_empty() {
        return Ok(());
    }
    // One after the other on one thread: reading is quick, and the requests have the rest of the machine.
    let read = move || jobs.into_iter().map(|job| (windows(&store, &job), job)).collect::<Vec<_>>();
    let results = supervisor::blocking(read).await;
    let view = context.state.view();
    let mut changes = Vec::new();
    for (windows, job) in results {
        match windows {
            Ok(windows) => changes.extend(decide(context, &view, remembered, &job, windows, now)),
            // Its state stays: nobody knows better.
            Err(error) => {
                warn!(alarm = job.row.name, error = &error as &dyn std::error::Error, "not evaluated");
            }
        }
    }
    for key in commit(context, &view, changes).await? {
        debug!(%key, "decided anew, since something changed meanwhile");
        remembered.again(&key, now);
    }
    Ok(())
}

fn job(key: Arc<str>, watched: &Watched, now: Timestamp) -> Option<Job> {
    let watch = watched.watch()?;
    let range = alarms::evaluation_range(watch);
    let period = Duration::from_secs(u64::from(watch.source.period_secs()));
    let from = schedule::newest_end(watch, now).minus(period * range);
    Some(Job { key, row: watched.row.clone(), queries: Arc::clone(&watched.queries), from, period, range })
}

/// Reads the alarm's periods. Blocks on the disk.
fn windows(store: &MetricStore, job: &Job) -> Result<Vec<Window>, EvaluateError> {
    let until = job.from.plus(job.period * job.range);
    let series = metrics::evaluate(store, &job.row.scope.to_string(), &job.queries, job.from, until)?;
    let begin = |place: u32| Window { at: job.from.plus(job.period * place), point: None };
    let mut windows: Vec<Window> = (0..job.range).map(begin).collect();
    let place = |at: Timestamp| {
        let millis = usize::try_from(at.as_millis() - job.from.as_millis()).ok()?;
        millis.checked_div(usize::try_from(job.period.as_millis()).ok()?)
    };
    let is_samples = |series: &&Series| series.query_id == SAMPLES;
    for point in series.iter().find(|one| !is_samples(one)).iter().flat_map(|series| &series.points) {
        if let Some(window) = place(point.at).and_then(|place| windows.get_mut(place)) {
            window.point = Some(Datapoint { value: point.value, samples: None });
        }
    }
    for samples in series.iter().find(is_samples).iter().flat_map(|series| &series.points) {
        let window = place(samples.at).and_then(|place| windows.get_mut(place));
        if let Some(point) = window.and_then(|window| window.point.as_mut()) {
            point.samples = Some(samples.value);
        }
    }
    Ok(windows)
}

/// A transition, on condition that the alarm is still as it was.
struct Decided {
    key: Arc<str>,
    row: Row<Alarm>,
    change: Change,
}

fn decide(
    context: &LoopContext,
    view: &View,
    remembered: &Remembered,
    job: &Job,
    mut windows: Vec<Window>,
    now: Timestamp,
) -> Option<Decided> {
    let watch = remembered.watched(&job.key)?.watch()?;
    if let Some(from) = remembered.data_from() {
        windows.iter_mut().filter(|window| window.at < from).for_each(|window| window.point = None);
    }
    let former = AlarmState::current(&job.row, view.alarm_states.get(&job.key).map(|row| &**row.record()));
    let gaps_from = remembered.gaps_from(&job.row);
    let evidence = Evidence { watch, windows: &windows, state: former.value, now, gaps_from };
    let next = alarms::evaluate(&evidence)?;
    let change = transition::transition(&job.row, &former, next, Actions::Run, &[], now, &*context.random);
    Some(Decided { key: Arc::clone(&job.key), row: job.row.clone(), change })
}

/// Several alarms in one commit, since an outage changes many at once. Yields those that met another writer.
async fn commit(
    context: &LoopContext,
    view: &View,
    decided: Vec<Decided>,
) -> Result<Vec<Arc<str>>, LoopError> {
    let mut conflicts = Vec::new();
    let mut rest = decided.into_iter().peekable();
    while rest.peek().is_some() {
        let mut transaction = Transaction::new();
        let mut keys = Vec::new();
        while transaction.write_count() < ALARM_WRITES_PER_COMMIT {
            let Some(next) = rest.next() else { break };
            transaction.expect(&next.row);
            alarm_changes::write(view, &mut transaction, &next.change);
            keys.push(next.key);
        }
        if !super::is_committed(context.state.commit(transaction).await)? {
            conflicts.extend(keys);
        }
    }
    Ok(conflicts)
}

/// What the metric store is asked for. Names that it doesn't know yield no query: the API has let none of them in.
pub(super) fn queries(scope: &Scope, watch: &MetricWatch) -> Vec<Query> {
    match &watch.source {
        MetricSource::One(stat) => {
            let mut queries: Vec<Query> = metric(scope, OWN, stat, true).into_iter().collect();
            if alarms::ignores_few_samples(watch).is_some() {
                let samples = MetricStat { stat: String::from("SampleCount"), ..stat.clone() };
                queries.extend(metric(scope, SAMPLES, &samples, true));
            }
            queries
        }
        MetricSource::Math(list) => {
            let period = watch.source.period_secs();
            list.iter().filter_map(|query| of_query(scope, query, period)).collect()
        }
    }
}

fn of_query(scope: &Scope, query: &MetricQuery, period: u32) -> Option<Query> {
    if let Some(stat) = &query.stat {
        let made = metric(scope, &query.id, stat, query.return_data)?;
        return Some(Query { label: query.label.clone(), ..made });
    }
    Some(Query {
        id: query.id.clone(),
        source: Source::Expression(query.expression.clone()?),
        period: query.period_secs.unwrap_or(period),
        label: query.label.clone(),
        returns_data: query.return_data,
    })
}

fn metric(scope: &Scope, id: &str, stat: &MetricStat, returns_data: bool) -> Option<Query> {
    let dimensions = stat.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Some(Query {
        id: id.to_owned(),
        source: Source::Metric {
            id: MetricId::new(scope.to_string(), stat.namespace.as_str(), stat.name.as_str(), dimensions),
            stat: Stat::parse(&stat.stat).ok()?,
            unit: stat.unit.as_deref().and_then(Unit::parse),
        },
        period: stat.period_secs,
        label: None,
        returns_data,
    })
}
