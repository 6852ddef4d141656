//! The loops that carry events to their targets: the rules of buses, replays, the ages of archives, and schedules.

use control_loops::driver::{self, Wake};
use control_loops::{events, schedules};
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;

use super::Base;
use super::stores::Stores;

pub(super) fn start(base: &Base, stores: &Stores, shutdown: &Shutdown) {
    let memory = events::Memory::default();
    let archives = stores.logs.clone();
    let match_rules = move |context| events::activate(context, memory.clone(), archives.clone());
    let drive_events =
        driver::drive("events", Wake::Changes, base.loop_context(), shutdown.clone(), match_rules);
    supervisor::spawn("events", drive_events);

    let archives = stores.logs.clone();
    let replay = move |context| events::replays::activate(context, archives.clone());
    let drive_replays =
        driver::drive("event-replays", Wake::Changes, base.loop_context(), shutdown.clone(), replay);
    supervisor::spawn("event-replays", drive_replays);

    let archives = stores.logs.clone();
    let expire = move |context| events::ages::activate(context, archives.clone());
    let drive_ages = driver::drive("event-ages", Wake::Time, base.loop_context(), shutdown.clone(), expire);
    supervisor::spawn("event-ages", drive_ages);

    let memory = schedules::Memory::default();
    let fire = move |context| schedules::activate(context, memory.clone());
    let drive_schedules =
        driver::drive("schedules", Wake::Changes, base.loop_context(), shutdown.clone(), fire);
    supervisor::spawn("schedules", drive_schedules);
}
