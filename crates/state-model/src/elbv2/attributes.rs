//! The attributes of load balancers, listeners and target groups: names, defaults, and their values as options.
//!
//! Source: "Load balancer attributes", "Target group attributes" and "Listener attributes" of the user guides.

use std::collections::BTreeMap;

use super::load_balancer::LoadBalancerKind;
use super::target_group::TargetType;

/// An attribute and its value when it was never set. An empty default means: told with an empty value.
pub type Default = (&'static str, &'static str);

const COMMON: &[Default] = &[
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("ipv6.deny_all_igw_traffic", "false"),
    ("zonal_shift.config.enabled", "false"),
];

const APPLICATION: &[Default] = &[
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.prefix", ""),
    ("health_check_logs.s3.bucket", ""),
    ("health_check_logs.s3.enabled", "false"),
    ("health_check_logs.s3.prefix", ""),
    ("idle_timeout.timeout_seconds", "60"),
    ("load_balancing.cross_zone.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
];

const NETWORK: &[Default] = &[
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("load_balancing.cross_zone.enabled", "false"),
    ("secondary_ips.auto_assigned.per_subnet", "0"),
];

/// Every attribute of a load balancer of this kind.
pub fn load_balancer_defaults(kind: LoadBalancerKind) -> impl Iterator<Item = Default> {
    let own = match kind {
        LoadBalancerKind::Application => APPLICATION,
        LoadBalancerKind::Network => NETWORK,
    };
    COMMON.iter().chain(own).copied()
}

const TARGETS: &[Default] = &[
    ("deregistration_delay.timeout_seconds", "300"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("stickiness.enabled", "false"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];

const HTTP_TARGETS: &[Default] = &[
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("load_balancing.algorithm.type", "round_robin"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.type", "lb_cookie"),
];

const NETWORK_TARGETS: &[Default] = &[
    ("proxy_protocol_v2.enabled", "false"),
    ("stickiness.type", "source_ip"),
    ("target_health_state.unhealthy.connection_termination.enabled", "true"),
    ("target_health_state.unhealthy.draining_interval_seconds", "0"),
];

const TERMINATES: &[Default] = &[("deregistration_delay.connection_termination.enabled", "true")];
const ENDS_BY_ITSELF: &[Default] = &[("deregistration_delay.connection_termination.enabled", "false")];

/// Whether the targets of a network load balancer's group see the address of the client.
pub const PRESERVE_CLIENT_ADDRESS: &str = "preserve_client_ip.enabled";
const SEES_CLIENTS: &[Default] = &[(PRESERVE_CLIENT_ADDRESS, "true")];
const SEES_THE_BALANCER: &[Default] = &[(PRESERVE_CLIENT_ADDRESS, "false")];

/// Whether targets always see the address of the client, since nothing else could be told of a datagram.
pub fn must_preserve_client_address(protocol: &str) -> bool {
    matches!(protocol, "UDP" | "TCP_UDP")
}

/// Whether a protocol belongs to application load balancers.
pub fn is_http(protocol: &str) -> bool {
    matches!(protocol, "HTTP" | "HTTPS")
}

/// Every attribute of a target group with this protocol and these targets.
pub fn target_group_defaults(
    protocol: &str,
    target_type: TargetType,
) -> impl Iterator<Item = Default> + use<> {
    let (own, ending): (&[Default], &[Default]) = match protocol {
        "HTTP" | "HTTPS" => (HTTP_TARGETS, &[]),
        // A flow of UDP has no end of its own.
        "UDP" | "TCP_UDP" => (NETWORK_TARGETS, TERMINATES),
        _ => (NETWORK_TARGETS, ENDS_BY_ITSELF),
    };
    let source: &[Default] = match protocol {
        "HTTP" | "HTTPS" => &[],
        _ if must_preserve_client_address(protocol) || target_type != TargetType::Ip => SEES_CLIENTS,
        _ => SEES_THE_BALANCER,
    };
    TARGETS.iter().chain(own).chain(ending).chain(source).copied()
}

const HTTP_LISTENER: &[Default] = &[
    ("routing.http.response.access_control_allow_credentials.header_value", ""),
    ("routing.http.response.access_control_allow_headers.header_value", ""),
    ("routing.http.response.access_control_allow_methods.header_value", ""),
    ("routing.http.response.access_control_allow_origin.header_value", ""),
    ("routing.http.response.access_control_expose_headers.header_value", ""),
    ("routing.http.response.access_control_max_age.header_value", ""),
    ("routing.http.response.content_security_policy.header_value", ""),
    ("routing.http.response.server.enabled", "true"),
    ("routing.http.response.strict_transport_security.header_value", ""),
    ("routing.http.response.x_content_type_options.header_value", ""),
    ("routing.http.response.x_frame_options.header_value", ""),
];

/// What else a listener with TLS has.
const HTTPS_LISTENER: &[Default] = &[
    ("routing.http.request.x_amzn_mtls_clientcert.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_subject.header_name", ""),
    ("routing.http.request.x_amzn_mtls_clientcert_validity.header_name", ""),
    ("routing.http.request.x_amzn_tls_cipher_suite.header_name", ""),
    ("routing.http.request.x_amzn_tls_version.header_name", ""),
];
const TCP_LISTENER: &[Default] = &[("tcp.idle_timeout.seconds", "350")];

/// Every attribute of a listener with this protocol. Those with an empty default change nothing until they are set.
pub fn listener_defaults(protocol: &str) -> impl Iterator<Item = Default> {
    let (own, secure): (&[Default], &[Default]) = match protocol {
        "HTTP" => (HTTP_LISTENER, &[]),
        "HTTPS" => (HTTP_LISTENER, HTTPS_LISTENER),
        "TCP" | "TLS" | "TCP_UDP" => (TCP_LISTENER, &[]),
        _ => (&[], &[]),
    };
    own.iter().chain(secure).copied()
}

/// Every attribute with its value, set or default: what a balancer is told and what a description shows.
pub fn effective(
    set: &BTreeMap<String, String>,
    defaults: impl Iterator<Item = Default>,
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        defaults.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    all.extend(set.iter().map(|(key, value)| (key.clone(), value.clone())));
    all
}

/// The value of an attribute: what was set, or its default; empty when it has none.
pub fn value<'a>(
    set: &'a BTreeMap<String, String>,
    mut defaults: impl Iterator<Item = Default>,
    key: &str,
) -> &'a str {
    match set.get(key) {
        Some(value) => value,
        None => defaults.find(|(name, _)| *name == key).map_or("", |(_, value)| value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sees_the_clients_address_unasked() {
        use TargetType::{Alb, Instance, Ip};
        for (protocol, target_type, expected) in [
            ("TCP", Ip, Some("false")),
            ("TLS", Ip, Some("false")),
            ("UDP", Ip, Some("true")),
            ("TCP_UDP", Ip, Some("true")),
            ("TCP", Instance, Some("true")),
            ("TLS", Instance, Some("true")),
            ("TCP", Alb, Some("true")),
            ("HTTP", Instance, None),
        ] {
            let found = target_group_defaults(protocol, target_type)
                .find(|(key, _)| *key == PRESERVE_CLIENT_ADDRESS)
                .map(|(_, value)| value);
            assert_eq!(found, expected, "{protocol} {target_type:?}");
        }
    }
}
