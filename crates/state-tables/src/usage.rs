//! What was used, as far as a snapshot knows: what is recorded, and what runs and isn't recorded yet.

use state_model::billing::calendar::{Day, Span};
use state_model::billing::cost_tag::CostAllocationTag;
use state_model::billing::usage::{Attributes, Detail, Run, RunPart, Size, TaskMeter, Usage};
use state_model::ecs::task::TaskColumns;
use stdx::clock::Timestamp;

use crate::tables::View;

/// The usage of an account in these days, day by day; tasks that run are counted up to `now`.
pub fn of_days<'v>(
    view: &'v View,
    account: &'v str,
    from: Day,
    until: Day,
    now: Timestamp,
) -> impl Iterator<Item = Usage> + 'v {
    let days = (from.0..until.0).map(Day);
    let recorded = days.flat_map(move |day| {
        let prefix = Usage::prefix(account, day);
        view.billing_usage.prefix(&prefix).map(|(_, row)| Usage::clone(row.record())).collect::<Vec<_>>()
    });
    let running = unrecorded(view, account, now);
    recorded.chain(running.filter(move |usage| usage.day >= from && usage.day < until))
}

/// As [`of_days`], for a span whose ends may lie within a day.
pub fn of_span<'v>(
    view: &'v View,
    account: &'v str,
    span: Span,
    now: Timestamp,
) -> impl Iterator<Item = Usage> + 'v {
    let last = Day::of(Timestamp(span.until.0 - 1));
    of_days(view, account, Day::of(span.from), last.plus(1), now)
}

/// What tasks have used since it was recorded last: those that run, and those that stopped a moment ago.
fn unrecorded<'v>(view: &'v View, account: &str, now: Timestamp) -> impl Iterator<Item = Usage> + 'v {
    let prefix = format!("{account}/");
    let keys = view.task_intents.after(&prefix, None).map(|(key, _)| key).collect::<Vec<_>>();
    let tasks = keys.into_iter().filter_map(|key| {
        let meter = view.task_meters.get(key).map(|row| &**row.record());
        match meter {
            Some(meter) if meter.is_final => None,
            meter => Some((view.task(key)?, meter)),
        }
    });
    tasks.flat_map(move |(task, meter)| since(task, meter, now))
}

/// The usage of a task by day, behind what its meter says.
pub fn since(task: TaskColumns<'_>, meter: Option<&TaskMeter>, now: Timestamp) -> Vec<Usage> {
    let Some(run) = Run::of(task, now) else { return Vec::new() };
    let recorded = meter.map_or(0, |meter| meter.secs);
    let days = run.days_from(recorded).into_iter();
    days.map(|(day, from_secs, until_secs)| usage(task, run, day, (from_secs, until_secs))).collect()
}

fn usage(task: TaskColumns<'_>, run: Run, day: Day, (from_secs, until_secs): (u64, u64)) -> Usage {
    let intent = task.intent;
    Usage {
        account: intent.scope.account.clone(),
        day,
        attributes: Attributes::of(intent),
        detail: Detail::Run(RunPart {
            task: intent.id.clone(),
            started_at: run.started_at,
            from_secs,
            until_secs,
            size: Size::of(intent),
        }),
    }
}

/// Whether the account's costs are told apart by the tag.
pub fn is_active_tag(view: &View, account: &str, tag: &str) -> bool {
    let decided = view.cost_allocation_tags.get(&CostAllocationTag::key_of(account, tag));
    decided.map_or_else(|| CostAllocationTag::is_active_by_default(tag), |row| row.is_active)
}
