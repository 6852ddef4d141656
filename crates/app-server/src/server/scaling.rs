//! The loops of Application Auto Scaling.

use control_loops::driver::Wake;
use control_loops::scaling;
use stdx_async::shutdown::Shutdown;

use super::Base;
use super::stores::Stores;

pub(super) fn start(base: &Base, stores: &Stores, shutdown: &Shutdown) {
    let metrics = stores.metrics.clone();
    let memory = scaling::Memory::default();
    let scale = move |context| scaling::activate(context, metrics.clone(), memory.clone());
    base.drive("scaling", Wake::Changes, shutdown, scale);
    base.drive("scaling-history", Wake::Time, shutdown, scaling::expired_activities);
}
