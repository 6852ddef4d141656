//! Attributes as values: read once when configuration comes, not with each request.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

type Attributes = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    RoundRobin,
    LeastOutstandingRequests,
    WeightedRandom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stickiness {
    LoadBalancerCookie { duration: Duration },
    ApplicationCookie { name: String, duration: Duration },
    SourceAddress,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupOptions {
    pub algorithm: Algorithm,
    pub anomaly_mitigation: bool,
    pub stickiness: Option<Stickiness>,
    pub slow_start: Option<Duration>,
    pub deregistration_delay: Duration,
    /// None: as the load balancer says.
    pub cross_zone: Option<bool>,
    /// Network load balancers: connections are cut when draining is over.
    pub cut_when_drained: bool,
    /// Network load balancers: connections are cut when a target turns unhealthy, after the interval.
    pub cut_when_unhealthy: bool,
    pub unhealthy_draining_interval: Duration,
    pub preserve_client_ip: bool,
    pub proxy_protocol_v2: bool,
    healthy_count_min: usize,
    healthy_percent_min: usize,
}

impl TargetGroupOptions {
    pub fn parse(attributes: &Attributes) -> TargetGroupOptions {
        const HEALTHY: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets";
        let slow_start = number(attributes, "slow_start.duration_seconds", 0);
        TargetGroupOptions {
            algorithm: match text(attributes, "load_balancing.algorithm.type") {
                "least_outstanding_requests" => Algorithm::LeastOutstandingRequests,
                "weighted_random" => Algorithm::WeightedRandom,
                _ => Algorithm::RoundRobin,
            },
            anomaly_mitigation: text(attributes, "load_balancing.algorithm.anomaly_mitigation") == "on",
            stickiness: stickiness(attributes),
            slow_start: (slow_start > 0).then(|| Duration::from_secs(slow_start)),
            deregistration_delay: seconds(attributes, "deregistration_delay.timeout_seconds", 300),
            cross_zone: match text(attributes, "load_balancing.cross_zone.enabled") {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            cut_when_drained: flag(attributes, "deregistration_delay.connection_termination.enabled", false),
            cut_when_unhealthy: flag(
                attributes,
                "target_health_state.unhealthy.connection_termination.enabled",
                true,
            ),
            unhealthy_draining_interval: seconds(
                attributes,
                "target_health_state.unhealthy.draining_interval_seconds",
                0,
            ),
            preserve_client_ip: flag(attributes, "preserve_client_ip.enabled", false),
            proxy_protocol_v2: flag(attributes, "proxy_protocol_v2.enabled", false),
            healthy_count_min: number(attributes, &format!("{HEALTHY}.count"), 1),
            healthy_percent_min: number(attributes, &format!("{HEALTHY}.percentage"), 0),
        }
    }

    /// With fewer healthy targets, all that are registered get traffic.
    pub fn healthy_targets_min(&self, registered: usize) -> usize {
        let by_percent = (registered * self.healthy_percent_min).div_ceil(100);
        self.healthy_count_min.max(by_percent)
    }
}

fn stickiness(attributes: &Attributes) -> Option<Stickiness> {
    if !flag(attributes, "stickiness.enabled", false) {
        return None;
    }
    match text(attributes, "stickiness.type") {
        "lb_cookie" => Some(Stickiness::LoadBalancerCookie {
            duration: seconds(attributes, "stickiness.lb_cookie.duration_seconds", 86_400),
        }),
        "app_cookie" => Some(Stickiness::ApplicationCookie {
            name: text(attributes, "stickiness.app_cookie.cookie_name").to_owned(),
            duration: seconds(attributes, "stickiness.app_cookie.duration_seconds", 86_400),
        }),
        "source_ip" => Some(Stickiness::SourceAddress),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedFor {
    Append,
    Preserve,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desync {
    Monitor,
    Defensive,
    Strictest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerOptions {
    pub idle_timeout: Duration,
    pub client_keep_alive: Duration,
    pub http2: bool,
    pub desync: Desync,
    pub drop_invalid_header_fields: bool,
    pub preserve_host_header: bool,
    pub tls_version_and_cipher_headers: bool,
    pub forwarded_for: ForwardedFor,
    pub forwarded_for_client_port: bool,
    pub cross_zone: bool,
    pub access_log: Option<LogDestination>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDestination {
    pub bucket: String,
    pub prefix: String,
}

impl LoadBalancerOptions {
    pub fn parse(attributes: &Attributes) -> LoadBalancerOptions {
        LoadBalancerOptions {
            idle_timeout: seconds(attributes, "idle_timeout.timeout_seconds", 60),
            client_keep_alive: seconds(attributes, "client_keep_alive.seconds", 3600),
            http2: flag(attributes, "routing.http2.enabled", true),
            desync: match text(attributes, "routing.http.desync_mitigation_mode") {
                "monitor" => Desync::Monitor,
                "strictest" => Desync::Strictest,
                _ => Desync::Defensive,
            },
            drop_invalid_header_fields: flag(
                attributes,
                "routing.http.drop_invalid_header_fields.enabled",
                false,
            ),
            preserve_host_header: flag(attributes, "routing.http.preserve_host_header.enabled", false),
            tls_version_and_cipher_headers: flag(
                attributes,
                "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
                false,
            ),
            forwarded_for: match text(attributes, "routing.http.xff_header_processing.mode") {
                "preserve" => ForwardedFor::Preserve,
                "remove" => ForwardedFor::Remove,
                _ => ForwardedFor::Append,
            },
            forwarded_for_client_port: flag(attributes, "routing.http.xff_client_port.enabled", false),
            cross_zone: flag(attributes, "load_balancing.cross_zone.enabled", false),
            access_log: flag(attributes, "access_logs.s3.enabled", false).then(|| LogDestination {
                bucket: text(attributes, "access_logs.s3.bucket").to_owned(),
                prefix: text(attributes, "access_logs.s3.prefix").to_owned(),
            }),
        }
    }
}

/// The value of an attribute; empty when it isn't told.
pub fn text<'a>(attributes: &'a Attributes, key: &str) -> &'a str {
    attributes.get(key).map_or("", String::as_str)
}

pub fn flag(attributes: &Attributes, key: &str, default: bool) -> bool {
    number(attributes, key, default)
}

pub fn seconds(attributes: &Attributes, key: &str, default: u64) -> Duration {
    Duration::from_secs(number(attributes, key, default))
}

/// Whatever isn't of the type counts as not told: the API has refused it, and `off` means none.
fn number<T: FromStr>(attributes: &Attributes, key: &str, default: T) -> T {
    attributes.get(key).and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn too_few_healthy_targets_are_found_by_count_and_by_percentage() {
        const COUNT: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count";
        const PERCENT: &str =
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage";
        for (pairs, registered, expected) in [
            (vec![], 10, 1),
            (vec![(COUNT, "3")], 10, 3),
            (vec![(PERCENT, "off")], 10, 1),
            (vec![(COUNT, "off"), (PERCENT, "50")], 9, 5),
            (vec![(COUNT, "1"), (PERCENT, "100")], 4, 4),
        ] {
            let options = TargetGroupOptions::parse(&attributes(&pairs));
            assert_eq!(options.healthy_targets_min(registered), expected, "{pairs:?}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_guides() {
        let options = TargetGroupOptions::parse(&attributes(&[]));
        assert_eq!(options.algorithm, Algorithm::RoundRobin);
        assert_eq!((options.stickiness, options.slow_start, options.cross_zone), (None, None, None));
        let options = LoadBalancerOptions::parse(&attributes(&[]));
        assert_eq!(options.idle_timeout, Duration::from_secs(60));
        assert!(options.http2 && options.access_log.is_none());
    }
}
