//! The loops that carry events to their targets: the rules of buses, replays, the ages of archives, and schedules.

use control_loops::driver::Wake;
use control_loops::{events, schedules};
use stdx_async::shutdown::Shutdown;

use super::Base;
use super::stores::Stores;

pub(super) fn start(base: &Base, stores: &Stores, shutdown: &Shutdown) {
    let memory = events::Memory::default();
    let archives = stores.logs.clone();
    let match_rules = move |context| events::activate(context, memory.clone(), archives.clone());
    base.drive("events", Wake::Changes, shutdown, match_rules);

    let archives = stores.logs.clone();
    let replay = move |context| events::replays::activate(context, archives.clone());
    base.drive("event-replays", Wake::Changes, shutdown, replay);

    let archives = stores.logs.clone();
    let expire = move |context| events::ages::activate(context, archives.clone());
    base.drive("event-ages", Wake::Time, shutdown, expire);

    let memory = schedules::Memory::default();
    let fire = move |context| schedules::activate(context, memory.clone());
    base.drive("schedules", Wake::Changes, shutdown, fire);
}
