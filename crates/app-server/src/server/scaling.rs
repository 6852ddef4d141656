//! The loops of Application Auto Scaling.

use control_loops::driver::{self, Wake};
use control_loops::scaling;
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;

use super::Base;
use super::stores::Stores;

pub(super) fn start(base: &Base, stores: &Stores, shutdown: &Shutdown) {
    let (context, metrics) = (base.loop_context(), stores.metrics.clone());
    let memory = scaling::Memory::default();
    let scale = move |context| scaling::activate(context, metrics.clone(), memory.clone());
    let drive_scaling = driver::drive("scaling", Wake::Changes, context.clone(), shutdown.clone(), scale);
    supervisor::spawn("scaling", drive_scaling);
    let expire = scaling::expired_activities;
    let drive_expire = driver::drive("scaling-history", Wake::Time, context, shutdown.clone(), expire);
    supervisor::spawn("scaling-history", drive_expire);
}
