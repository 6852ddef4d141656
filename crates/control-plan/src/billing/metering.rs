//! Which usage is due to be recorded: the whole run of a task that has stopped, and every finished day of one that runs.

use state_model::billing::calendar::Day;
use state_model::billing::usage::{Run, TaskMeter, Usage};
use state_tables::{Row, View, usage};
use stdx::clock::Timestamp;

use crate::limits::DAYS_METERED_PER_TASK_MAX;

/// What one commit writes of one task.
#[derive(Debug)]
pub struct Metered {
    /// As it was read. None: there is none yet.
    pub former: Option<Row<TaskMeter>>,
    pub meter: TaskMeter,
    pub usages: Vec<Usage>,
}

/// None when nothing is due. A run of very many days is recorded in several steps.
pub fn plan(view: &View, key: &str, now: Timestamp) -> Option<Metered> {
    let former = view.task_meters.get(key);
    if former.is_some_and(|meter| meter.is_final) {
        return None;
    }
    let task = view.task(key)?;
    let today = Day::of(now);
    let is_over = task.is_stopped();
    let unrecorded = usage::since(task, former.map(|row| &**row.record()), now);
    let due = unrecorded.into_iter().filter(|usage| is_over || usage.day < today);
    let mut usages: Vec<Usage> = due.collect();
    let is_whole = usages.len() <= DAYS_METERED_PER_TASK_MAX;
    usages.truncate(DAYS_METERED_PER_TASK_MAX);
    if usages.is_empty() && !is_over {
        return None;
    }
    let recorded = former.map_or(0, |meter| meter.secs);
    let secs = usages.last().and_then(Usage::until_secs).unwrap_or(recorded);
    let meter = TaskMeter {
        scope: task.intent.scope.clone(),
        cluster: task.intent.cluster.clone(),
        id: task.intent.id.clone(),
        secs,
        is_final: is_over && is_whole,
    };
    Some(Metered { former: former.cloned(), meter, usages })
}

/// When the day that has begun is over for those that run.
pub fn next(view: &View, now: Timestamp) -> Option<Timestamp> {
    let runs = |key: &str| view.task(key).and_then(|task| Run::of(task, now)).is_some();
    view.live_tasks.iter().any(|key| runs(key)).then(|| Day::of(now).plus(1).start())
}
