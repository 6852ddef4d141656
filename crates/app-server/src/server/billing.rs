//! The loops that keep what was used and compare it with budgets, and those that tell of tasks.

use std::sync::Arc;

use control_loops::billing::{budgets, folding, metering};
use control_loops::changed_tasks::Memory;
use control_loops::driver::{self, Wake};
use control_loops::ecs_events;
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;

use super::Base;
use super::stores::Stores;

pub(super) fn start(base: &Base, _stores: &Stores, shutdown: &Shutdown) {
    let context = base.loop_context();
    let meters = metering::Meters::default();
    let record = move |context| metering::activate(context, meters.clone());
    let drive = driver::drive("metering", Wake::Changes, context.clone(), shutdown.clone(), record);
    supervisor::spawn("metering", drive);
    let fold = folding::activate;
    let drive = driver::drive("usage-folding", Wake::Time, context.clone(), shutdown.clone(), fold);
    supervisor::spawn("usage-folding", drive);
    let (memory, prices) = (budgets::Memory::default(), Arc::clone(&base.config.prices));
    let compare = move |context| budgets::activate(context, Arc::clone(&prices), memory.clone());
    let drive = driver::drive("budgets", Wake::Changes, context.clone(), shutdown.clone(), compare);
    supervisor::spawn("budgets", drive);
    let memory = Memory::default();
    let tell = move |context| ecs_events::tasks(context, memory.clone());
    let drive = driver::drive("task-events", Wake::Changes, context, shutdown.clone(), tell);
    supervisor::spawn("task-events", drive);
}
