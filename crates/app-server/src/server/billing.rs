//! The loops that keep what was used and compare it with budgets, and those that tell of tasks.

use std::sync::Arc;

use control_loops::billing::{budgets, folding, metering};
use control_loops::changed_tasks::Memory;
use control_loops::driver::Wake;
use control_loops::ecs_events;
use stdx_async::shutdown::Shutdown;

use super::Base;
use super::stores::Stores;

pub(super) fn start(base: &Base, _stores: &Stores, shutdown: &Shutdown) {
    let meters = metering::Meters::default();
    let record = move |context| metering::activate(context, meters.clone());
    base.drive("metering", Wake::Changes, shutdown, record);
    base.drive("usage-folding", Wake::Time, shutdown, folding::activate);
    let (memory, prices) = (budgets::Memory::default(), Arc::clone(&base.config.prices));
    let compare = move |context| budgets::activate(context, Arc::clone(&prices), memory.clone());
    base.drive("budgets", Wake::Changes, shutdown, compare);
    let memory = Memory::default();
    let tell = move |context| ecs_events::tasks(context, memory.clone());
    base.drive("task-events", Wake::Changes, shutdown, tell);
}
