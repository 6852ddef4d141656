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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use state_model::billing::calendar::{Day, Span};
    use state_model::billing::usage::{Run, RunPart, Size};
    use stdx::clock::Timestamp;

    proptest! {
        /// However often it is recorded while it runs, the days of a run add up to the whole, and so do its hours.
        #[test]
        fn days_and_hours_add_up_to_the_run(
            start in 0_i64..400_000_000,
            length in 0_i64..600_000_000,
            looks in proptest::collection::vec(0_i64..600_000_000, 0..4),
        ) {
            let (started_at, ended_at) = (Timestamp(start), Timestamp(start + length));
            let mut looks: Vec<Timestamp> =
                looks.into_iter().map(|after| Timestamp(start + after.min(length))).collect();
            looks.sort();
            let (mut recorded, mut parts) = (0, Vec::new());
            for now in looks {
                let run = Run::new(started_at, None, now);
                // Only days that are over are recorded while it runs.
                for (day, from, until) in run.days_from(recorded) {
                    if day < Day::of(now) {
                        parts.push((day, from, until));
                        recorded = until;
                    }
                }
            }
            let run = Run::new(started_at, Some(ended_at), ended_at);
            parts.extend(run.days_from(recorded));
            prop_assert_eq!(parts.iter().map(|(_, from, until)| until - from).sum::<u64>(), run.secs);
            prop_assert!(parts.windows(2).all(|pair| pair[0].2 == pair[1].1 && pair[0].0 < pair[1].0));
            let size = Size { cpu: 1, memory_mib: 1, extra_storage_gib: 0 };
            for (day, from_secs, until_secs) in parts {
                let task = String::from("t");
                let part = RunPart { task, started_at, from_secs, until_secs, size };
                let hour = |count: i64| Timestamp(day.start().0 + count * 3_600_000);
                let hours = (0..24).map(|count| Span { from: hour(count), until: hour(count + 1) });
                let sum: u64 = hours.map(|hour| part.within(hour).cpu_unit_secs).sum();
                prop_assert_eq!(sum, until_secs - from_secs);
            }
        }
    }
}
