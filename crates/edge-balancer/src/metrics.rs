//! What the balancer counts: lock-free counters per zone of a load balancer, and per target group and zone.
//!
//! Names as CloudWatch has them. The finest grain is told; sums over zones are for whoever keeps the metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use link_protocol::edge::{MetricSeries, MetricValue, MetricsReport};
use stdx::clock::Timestamp;

mod distribution;
mod windows;

pub use distribution::Distribution;
pub use windows::Windows;

macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),* }

        impl $name {
            const ALL: &'static [$name] = &[$($name::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
        }
    };
}

named!(
    /// Grows only.
    Counter {
        ClientTlsNegotiationErrorCount = "ClientTLSNegotiationErrorCount",
        DesyncMitigationModeNonCompliantRequestCount = "DesyncMitigationMode_NonCompliant_Request_Count",
        DroppedInvalidHeaderRequestCount = "DroppedInvalidHeaderRequestCount",
        ForwardedInvalidHeaderRequestCount = "ForwardedInvalidHeaderRequestCount",
        GrpcRequestCount = "GrpcRequestCount",
        HttpFixedResponseCount = "HTTP_Fixed_Response_Count",
        HttpRedirectCount = "HTTP_Redirect_Count",
        HttpRedirectUrlLimitExceededCount = "HTTP_Redirect_Url_Limit_Exceeded_Count",
        HttpCodeElb3xxCount = "HTTPCode_ELB_3XX_Count",
        HttpCodeElb4xxCount = "HTTPCode_ELB_4XX_Count",
        HttpCodeElb5xxCount = "HTTPCode_ELB_5XX_Count",
        HttpCodeElb500Count = "HTTPCode_ELB_500_Count",
        HttpCodeElb502Count = "HTTPCode_ELB_502_Count",
        HttpCodeElb503Count = "HTTPCode_ELB_503_Count",
        HttpCodeElb504Count = "HTTPCode_ELB_504_Count",
        HttpCodeTarget2xxCount = "HTTPCode_Target_2XX_Count",
        HttpCodeTarget3xxCount = "HTTPCode_Target_3XX_Count",
        HttpCodeTarget4xxCount = "HTTPCode_Target_4XX_Count",
        HttpCodeTarget5xxCount = "HTTPCode_Target_5XX_Count",
        NewConnectionCount = "NewConnectionCount",
        NewFlowCount = "NewFlowCount",
        NewFlowCountTcp = "NewFlowCount_TCP",
        NewFlowCountTls = "NewFlowCount_TLS",
        NewFlowCountUdp = "NewFlowCount_UDP",
        NonStickyRequestCount = "NonStickyRequestCount",
        ProcessedBytes = "ProcessedBytes",
        ProcessedPackets = "ProcessedPackets",
        RejectedConnectionCount = "RejectedConnectionCount",
        RejectedFlowCount = "RejectedFlowCount",
        RequestCount = "RequestCount",
        RuleEvaluations = "RuleEvaluations",
        SecurityGroupBlockedFlowCountInboundTcp = "SecurityGroupBlockedFlowCount_Inbound_TCP",
        SecurityGroupBlockedFlowCountInboundUdp = "SecurityGroupBlockedFlowCount_Inbound_UDP",
        TargetConnectionErrorCount = "TargetConnectionErrorCount",
        TargetTlsNegotiationErrorCount = "TargetTLSNegotiationErrorCount",
        TcpClientResetCount = "TCP_Client_Reset_Count",
        TcpElbResetCount = "TCP_ELB_Reset_Count",
        TcpTargetResetCount = "TCP_Target_Reset_Count",
        UnhealthyRoutingRequestCount = "UnhealthyRoutingRequestCount",
    }
);

named!(
    /// Goes up and down.
    Gauge {
        ActiveConnectionCount = "ActiveConnectionCount",
        ActiveFlowCount = "ActiveFlowCount",
        ActiveFlowCountTcp = "ActiveFlowCount_TCP",
        ActiveFlowCountTls = "ActiveFlowCount_TLS",
        ActiveFlowCountUdp = "ActiveFlowCount_UDP",
        HealthyHostCount = "HealthyHostCount",
        UnHealthyHostCount = "UnHealthyHostCount",
    }
);

/// What a set of counters is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dimensions {
    /// `app/NAME/<16 hex>`
    pub load_balancer: String,
    /// `targetgroup/NAME/<16 hex>`
    pub target_group: Option<String>,
    pub availability_zone: Option<String>,
}

#[derive(Debug)]
pub struct MetricSet {
    counters: [AtomicU64; Counter::ALL.len()],
    gauges: [AtomicI64; Gauge::ALL.len()],
    /// Seconds from a request's last byte out to the response's first byte in.
    pub target_response_time: Distribution,
}

impl MetricSet {
    fn new() -> MetricSet {
        MetricSet {
            counters: [const { AtomicU64::new(0) }; Counter::ALL.len()],
            gauges: [const { AtomicI64::new(0) }; Gauge::ALL.len()],
            target_response_time: Distribution::new(),
        }
    }

    pub fn add(&self, counter: Counter, amount: u64) {
        self.counters[counter as usize].fetch_add(amount, Ordering::Relaxed);
    }

    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    pub fn get(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].load(Ordering::Relaxed)
    }

    pub fn change(&self, gauge: Gauge, by: i64) {
        self.gauges[gauge as usize].fetch_add(by, Ordering::Relaxed);
    }

    pub fn set(&self, gauge: Gauge, value: i64) {
        self.gauges[gauge as usize].store(value, Ordering::Relaxed);
    }

    pub fn gauge(&self, gauge: Gauge) -> i64 {
        self.gauges[gauge as usize].load(Ordering::Relaxed)
    }

    /// Values that were never touched are not reported, as CloudWatch shows no data for them.
    fn report(&self, dimensions: &Dimensions, sink: &mut Vec<MetricSeries>) {
        let mut push = |name: &str, value| {
            sink.push(MetricSeries {
                name: name.to_owned(),
                load_balancer: dimensions.load_balancer.clone(),
                target_group: dimensions.target_group.clone(),
                availability_zone: dimensions.availability_zone.clone(),
                value,
            });
        };
        for counter in Counter::ALL {
            match self.get(*counter) {
                0 => {}
                value => push(counter.as_str(), MetricValue::Counter(value)),
            }
        }
        // Where there are hosts, none of one kind is worth a number.
        let has_hosts = [Gauge::HealthyHostCount, Gauge::UnHealthyHostCount]
            .into_iter()
            .any(|gauge| self.gauge(gauge) != 0);
        for gauge in Gauge::ALL {
            let is_hosts = matches!(gauge, Gauge::HealthyHostCount | Gauge::UnHealthyHostCount);
            match self.gauge(*gauge) {
                0 if !(is_hosts && has_hosts) => {}
                value => push(gauge.as_str(), MetricValue::Gauge(value as f64)),
            }
        }
        if let Some(value) = self.target_response_time.report() {
            push("TargetResponseTime", value);
        }
    }
}

/// All sets of this process.
#[derive(Debug)]
pub struct Registry {
    started_at: Timestamp,
    sets: Mutex<BTreeMap<Dimensions, Arc<MetricSet>>>,
}

impl Registry {
    pub fn new(started_at: Timestamp) -> Registry {
        Registry { started_at, sets: Mutex::default() }
    }

    /// The set of these dimensions: the same one each time, so that counters survive a change of configuration.
    pub fn set(&self, dimensions: Dimensions) -> Arc<MetricSet> {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.entry(dimensions).or_insert_with(|| Arc::new(MetricSet::new())).clone()
    }

    /// Forgets what is counted of a load balancer that is gone.
    pub fn forget(&self, load_balancer: &str) {
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        sets.retain(|dimensions, _| dimensions.load_balancer != load_balancer);
    }

    pub fn report(&self) -> MetricsReport {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut series = Vec::new();
        for (dimensions, set) in &sets {
            set.report(dimensions, &mut series);
        }
        MetricsReport { started_at: self.started_at, series }
    }
}
