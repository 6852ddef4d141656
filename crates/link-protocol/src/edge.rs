//! What control and balancers say to each other: the configuration of load balancers and target groups down, what the
//! balancer observes up.
//!
//! A balancer keeps what it was told, on disk too, and goes on with it while control is away. Each message replaces one
//! object whole and is idempotent; [`EdgeDown::Complete`] says that what was not told since the session began is gone.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use state_model::elbv2::action::Action;
use state_model::elbv2::condition::{Condition, Transform};
use state_model::elbv2::load_balancer::{LoadBalancerKind, Scheme};
use state_model::elbv2::target::HealthState;
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use stdx::clock::Timestamp;

/// Control to balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum EdgeDown {
    LoadBalancer(Box<LoadBalancerConfig>),
    /// By its ARN: listeners close, requests in flight finish.
    RemoveLoadBalancer {
        arn: String,
    },
    TargetGroup(Box<TargetGroupConfig>),
    RemoveTargetGroup {
        arn: String,
    },
    /// Everything that should be here has been told in this session: the rest is dropped.
    Complete,
    /// Everything sent before is to be acknowledged with [`EdgeUp::Applied`].
    Mark {
        revision: u64,
    },
    /// The window of this number, and all before it, is kept by control from now on.
    Counted {
        number: u64,
    },
    /// End in good order: no new connection, requests in flight get `drain_secs` at most.
    Stop {
        drain_secs: u32,
    },
}

/// Balancer to control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EdgeUp {
    /// The first message of a session.
    Hello {
        pid: u32,
        /// The program's version: control replaces a balancer of another one.
        version: String,
    },
    /// All messages up to this mark are in effect for every new connection and request.
    Applied { revision: u64 },
    /// Whether the listeners of a load balancer accept. Sent when it changes, and for all after [`EdgeDown::Complete`].
    Listening(ListeningReport),
    /// Sent when they change, and for all after [`EdgeDown::Complete`].
    Health(Vec<HealthReport>),
    /// All counters since the balancer's start, every [`METRICS_PERIOD_SECS`].
    Metrics(Box<MetricsReport>),
    /// What was counted in one window. Told again in the next session until it is acknowledged with [`EdgeDown::Counted`].
    Counted(Box<CountedWindow>),
}

/// Also the length of a window. Windows begin at its multiples, so that a minute is complete when its last one is.
pub const METRICS_PERIOD_SECS: u64 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningReport {
    pub load_balancer_arn: String,
    /// Sockets that accept, and those that can't be bound.
    pub accepting: u32,
    /// One text per socket, for example `127.80.0.1:80: address already in use`.
    pub failures: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    pub target_group_arn: String,
    pub target_id: String,
    pub port: u16,
    /// [`TargetConfig::registered_at`] of the registration that was observed: an older one's report is ignored.
    pub registered_at: Timestamp,
    pub state: HealthState,
    /// As DescribeTargetHealth tells it, for example `Target.Timeout`.
    pub reason: Option<String>,
    pub description: Option<String>,
    pub since: Timestamp,
}

/// One load balancer, with everything needed to serve it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerConfig {
    pub arn: String,
    pub account: String,
    pub region: String,
    /// `app/NAME/<16 hex>`
    pub path: String,
    pub kind: LoadBalancerKind,
    pub scheme: Scheme,
    pub dns_name: String,
    pub zones: Vec<ZoneConfig>,
    /// All attributes, defaults included.
    pub attributes: BTreeMap<String, String>,
    /// Who may connect from outside of the VPC; inside, the kernel enforces the groups of its interfaces. None: everyone.
    pub public_ingress: Option<Vec<IngressRule>>,
    /// The blocks of its VPC. Who comes from outside with an address of these isn't passed off as a client inside.
    #[serde(default)]
    pub vpc_cidr_blocks: Vec<String>,
    pub listeners: Vec<ListenerConfig>,
}

/// One of its places: an interface in a subnet, and the public address that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneConfig {
    pub availability_zone: String,
    pub subnet_id: String,
    pub eni_id: String,
    pub private_address: Ipv4Addr,
    /// Bound in the host's own namespace.
    pub public_address: Option<Ipv4Addr>,
    /// The network namespace that holds the interface: targets are dialled, and clients in the VPC accepted, in it.
    pub namespace: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressRule {
    /// True for TCP, false for UDP.
    pub tcp: bool,
    pub from_port: u16,
    pub to_port: u16,
    /// For example `0.0.0.0/0`.
    pub cidr: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerConfig {
    pub arn: String,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, `UDP` or `TCP_UDP`.
    pub protocol: String,
    pub port: u16,
    /// The default certificate first.
    pub certificates: Vec<CertificateConfig>,
    pub ssl_policy: Option<String>,
    pub alpn_policy: Option<String>,
    /// All attributes, defaults included.
    pub attributes: BTreeMap<String, String>,
    /// By ascending priority.
    pub rules: Vec<RuleConfig>,
    pub default_action: Action,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleConfig {
    pub arn: String,
    pub priority: u32,
    pub conditions: Vec<Condition>,
    pub action: Action,
    pub transforms: Vec<Transform>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateConfig {
    pub arn: String,
    /// The leaf first.
    pub chain_pem: String,
    pub private_key_pem: String,
}

impl std::fmt::Debug for CertificateConfig {
    /// A private key never gets into a log.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CertificateConfig").field("arn", &self.arn).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetGroupConfig {
    pub arn: String,
    /// `targetgroup/NAME/<16 hex>`: how metrics name it.
    pub path: String,
    pub protocol: String,
    pub protocol_version: ProtocolVersion,
    pub port: u16,
    pub target_type: TargetType,
    pub health_check: HealthCheck,
    /// All attributes, defaults included.
    pub attributes: BTreeMap<String, String>,
    /// The load balancer that uses it: health checks come from there. Without one nothing is checked.
    pub load_balancer_arn: Option<String>,
    pub targets: Vec<TargetConfig>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetConfig {
    /// As it was registered.
    pub id: String,
    /// Where it is dialled.
    pub address: Ipv4Addr,
    pub port: u16,
    /// `None` for `all`: any zone of the load balancer serves it.
    pub availability_zone: Option<String>,
    pub registered_at: Timestamp,
    /// Set: no new connection or request goes to it.
    pub draining_since: Option<Timestamp>,
    /// What was observed last, by whichever balancer: a restarted one begins with it.
    pub last_health: Option<LastHealth>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastHealth {
    pub state: HealthState,
    pub reason: Option<String>,
    pub description: Option<String>,
    pub since: Timestamp,
}

/// Counters named as CloudWatch names them. Each grows from the balancer's start on, but for gauges, whose value is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricsReport {
    pub started_at: Timestamp,
    pub series: Vec<MetricSeries>,
}

/// Counts of one window alone: counters and distributions hold what was added in it. Gauges of flows and connections are in
/// the last window of a minute only, those of hosts in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountedWindow {
    /// Grows by one in the balancer's process.
    pub number: u64,
    /// The window's beginning.
    pub at: Timestamp,
    /// It was told before, and may be kept already.
    pub again: bool,
    pub series: Vec<MetricSeries>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSeries {
    /// For example `RequestCount`.
    pub name: String,
    /// `app/NAME/<16 hex>`
    pub load_balancer: String,
    /// `targetgroup/NAME/<16 hex>`
    pub target_group: Option<String>,
    pub availability_zone: Option<String>,
    pub value: MetricValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetricValue {
    Counter(u64),
    Gauge(f64),
    /// Seconds, in buckets of a fixed scale: sum, count, and `(upper bound, count)` of those that aren't empty.
    Distribution {
        sum: f64,
        count: u64,
        buckets: Vec<(f64, u64)>,
    },
}

impl MetricValue {
    /// Adds what was counted elsewhere, or at another time, of the same thing.
    pub fn add(&mut self, more: &MetricValue) {
        match (self, more) {
            (MetricValue::Counter(count), MetricValue::Counter(more)) => *count += more,
            (MetricValue::Gauge(value), MetricValue::Gauge(more)) => *value += more,
            (
                MetricValue::Distribution { sum, count, buckets },
                MetricValue::Distribution { sum: more_sum, count: more_count, buckets: more },
            ) => {
                *sum += more_sum;
                *count += more_count;
                for (bound, added) in more {
                    match buckets.iter_mut().find(|(own, _)| own == bound) {
                        Some((_, count)) => *count += added,
                        None => buckets.push((*bound, *added)),
                    }
                }
            }
            (value, more) => *value = more.clone(),
        }
    }
}
