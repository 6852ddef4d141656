//! What `/_neargate/metrics` tells Prometheus.

mod balancer;

use control_loops::edge::EdgeMetrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use state_tables::View;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: &'static str,
}

/// Bounds of the request histogram in seconds: from a tenth of a millisecond, where most reads lie, to a slow push.
const LATENCY_BUCKETS: [f64; 12] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<ServiceLabels, Histogram>,
    live_tasks: Gauge<i64>,
    revision: Gauge<u64, AtomicU64>,
    resident_bytes: Gauge<u64, AtomicU64>,
}

impl Metrics {
    /// `balancer` has the newest counters of the balancer.
    pub fn new(balancer: EdgeMetrics) -> Self {
        let mut registry = Registry::with_prefix("neargate");
        let requests = Family::default();
        registry.register("requests", "API requests by service, operation and status", requests.clone());
        let latency = Family::new_with_constructor((|| Histogram::new(LATENCY_BUCKETS)) as fn() -> Histogram);
        registry.register("request_seconds", "Time from the whole request to its answer", latency.clone());
        let live_tasks = Gauge::default();
        registry.register("live_tasks", "Tasks that have not stopped", live_tasks.clone());
        let revision = Gauge::default();
        registry.register("state_revision", "Commits of the state store", revision.clone());
        let resident_bytes = Gauge::default();
        registry.register("process_resident_bytes", "Resident memory of the server", resident_bytes.clone());
        registry.register_collector(Box::new(balancer::BalancerCollector(balancer)));
        Self { registry, requests, latency, live_tasks, revision, resident_bytes }
    }

    pub fn request(&self, service: &'static str, operation: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { service, operation, status }).inc();
        self.latency.get_or_create(&ServiceLabels { service }).observe(took.as_secs_f64());
    }

    /// The text exposition, with what is read at this moment.
    pub fn render(&self, view: &View) -> String {
        self.live_tasks.set(i64::try_from(view.live_tasks.len()).unwrap_or(i64::MAX));
        self.revision.set(view.revision);
        self.resident_bytes.set(resident_bytes().unwrap_or(0));
        let mut output = String::new();
        // Writing to a string can't fail.
        let _ = text::encode(&mut output, &self.registry);
        output
    }
}

/// From the second field of `/proc/self/statm`, in pages of 4 KiB.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_they_were() {
        let metrics = Metrics::new(EdgeMetrics::default());
        metrics.request("ecs", "RunTask", 200, Duration::from_millis(2));
        metrics.request("ecs", "RunTask", 200, Duration::from_millis(3));
        let text = metrics.render(&View::default());
        assert!(
            text.contains(r#"neargate_requests_total{service="ecs",operation="RunTask",status="200"} 2"#),
            "{text}"
        );
        assert!(text.contains("neargate_live_tasks 0"));
    }
}
