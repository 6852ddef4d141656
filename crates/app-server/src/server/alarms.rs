//! The loop that evaluates alarms.

use control_loops::alarms::{self, Memory};
use control_loops::driver::Wake;
use stdx_async::shutdown::Shutdown;

use super::Base;
use super::stores::Stores;

pub(super) fn start(base: &Base, stores: &Stores, shutdown: &Shutdown) {
    let (metrics, memory) = (stores.metrics.clone(), Memory::default());
    let evaluate = move |context| alarms::activate(context, metrics.clone(), memory.clone());
    base.drive("alarms", Wake::Changes, shutdown, evaluate);
}
