//! Metrics of tasks, services and load balancers on their way into the store.

mod performance_logs;

use std::sync::Arc;

use control_loops::limits::MEASURED_QUEUE_MAX;
use control_loops::measure::Measuring;
use link_protocol::measured::Measured;
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;
use tokio::sync::mpsc;

use super::Base;
use super::stores::Stores;
use performance_logs::PerformanceLogs;

/// Returns what takes the measurements of nodes.
pub(super) fn start(base: &Base, stores: &Stores, shutdown: &Shutdown) -> mpsc::Sender<Measured> {
    let (sender, measured) = mpsc::channel(MEASURED_QUEUE_MAX);
    let (measuring, logs) = Measuring::new(base.loop_context(), stores.metrics.clone(), measured);
    supervisor::spawn("metrics", measuring.run(shutdown.clone()));
    let performance = PerformanceLogs {
        state: Arc::clone(&base.state),
        store: stores.logs.clone(),
        clock: base.clock.clone(),
    };
    supervisor::spawn("performance-logs", performance.follow(logs));
    sender
}
