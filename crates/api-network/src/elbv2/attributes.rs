//! Attributes of load balancers, listeners and target groups: which values they take.
//!
//! `state_model::elbv2::attributes` says which there are, and their defaults.

use std::collections::{BTreeMap, BTreeSet};

use state_model::elbv2::attributes::Default as DefaultValue;
use wire_schema::ServiceError;

use super::errors::{missing, unavailable, validation};
use super::limits::{ATTRIBUTE_VALUE_LENGTH_MAX, ATTRIBUTES_MAX};

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
enum Form {
    Boolean,
    Number {
        min: u32,
        max: u32,
    },
    /// Zero, or a number of the range.
    ZeroOr {
        min: u32,
        max: u32,
    },
    /// `off`, or a number of the range.
    OffOr {
        min: u32,
        max: u32,
    },
    OneOf(&'static [&'static str]),
    Text,
}

const FORMS: &[(&str, Form)] = &[
    // Load balancers
    ("client_keep_alive.seconds", Form::Number { min: 60, max: 604_800 }),
    (
        "dns_record.client_routing_policy",
        Form::OneOf(&[
            "any_availability_zone",
            "availability_zone_affinity",
            "partial_availability_zone_affinity",
        ]),
    ),
    ("idle_timeout.timeout_seconds", Form::Number { min: 1, max: 4000 }),
    ("routing.http.desync_mitigation_mode", Form::OneOf(&["monitor", "defensive", "strictest"])),
    ("routing.http.xff_header_processing.mode", Form::OneOf(&["append", "preserve", "remove"])),
    ("secondary_ips.auto_assigned.per_subnet", Form::Number { min: 0, max: 7 }),
    // Target groups
    ("deregistration_delay.timeout_seconds", Form::Number { min: 0, max: 3600 }),
    ("load_balancing.algorithm.anomaly_mitigation", Form::OneOf(&["on", "off"])),
    (
        "load_balancing.algorithm.type",
        Form::OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    ("slow_start.duration_seconds", Form::ZeroOr { min: 30, max: 900 }),
    ("stickiness.app_cookie.duration_seconds", Form::Number { min: 1, max: 604_800 }),
    ("stickiness.lb_cookie.duration_seconds", Form::Number { min: 1, max: 604_800 }),
    ("stickiness.type", Form::OneOf(&["lb_cookie", "app_cookie", "source_ip"])),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", Form::OffOr { min: 1, max: 1000 }),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", Form::OffOr { min: 1, max: 100 }),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        Form::Number { min: 1, max: 1000 },
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        Form::OffOr { min: 1, max: 100 },
    ),
    ("target_health_state.unhealthy.draining_interval_seconds", Form::Number { min: 0, max: 360_000 }),
    // Listeners
    ("tcp.idle_timeout.seconds", Form::Number { min: 60, max: 6000 }),
    ("routing.http.response.access_control_allow_credentials.header_value", Form::OneOf(&["", "true"])),
    ("routing.http.response.x_content_type_options.header_value", Form::OneOf(&["", "nosniff"])),
    ("routing.http.response.x_frame_options.header_value", Form::OneOf(&["", "DENY", "SAMEORIGIN"])),
];

const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";

/// Values that would have an effect on AWS and can have none here: they are refused rather than kept for show.
const UNAVAILABLE: &[(&str, &str, &str)] = &[
    ("connection_logs.s3.enabled", "true", "Connection logs are"),
    ("health_check_logs.s3.enabled", "true", "Health check logs are"),
    ("ipv6.deny_all_igw_traffic", "true", "IPv6 addresses of load balancers are"),
    ("zonal_shift.config.enabled", "true", "Zonal shift is"),
    ("dns_record.client_routing_policy", "availability_zone_affinity", "Zonal client routing is"),
    ("dns_record.client_routing_policy", "partial_availability_zone_affinity", "Zonal client routing is"),
    ("load_balancing.algorithm.anomaly_mitigation", "on", "Anomaly mitigation is"),
];

fn form(key: &str) -> Form {
    let known = FORMS.iter().find(|(name, _)| *name == key);
    match known {
        Some((_, form)) => *form,
        // Of a target group it may also be the load balancer's: whoever has the attribute has looked at it.
        None if key == CROSS_ZONE => Form::Text,
        None if key.ends_with(".enabled") => Form::Boolean,
        None => Form::Text,
    }
}

/// A key and its new value.
pub type Change = (String, String);

/// The attributes of a request.
pub fn parse(given: Option<Vec<(Option<String>, Option<String>)>>) -> Result<Vec<Change>, ServiceError> {
    let given = given.filter(|given| !given.is_empty()).ok_or_else(|| missing("attributes"))?;
    if given.len() > ATTRIBUTES_MAX {
        return Err(validation(format!("At most {ATTRIBUTES_MAX} attributes can be specified")));
    }
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for (key, value) in given {
        let key = key.filter(|key| !key.is_empty()).ok_or_else(|| missing("attributes.member.key"))?;
        if !seen.insert(key.clone()) {
            return Err(validation(format!("Attribute key '{key}' has been specified more than once")));
        }
        changes.push((key, value.unwrap_or_default()));
    }
    Ok(changes)
}

/// `defaults` are the attributes that the resource has; `noun` is `Load balancer`, `Listener` or `Target group`.
pub fn check(
    noun: &str,
    changes: &[Change],
    defaults: impl Iterator<Item = DefaultValue>,
) -> Result<(), ServiceError> {
    let known: BTreeSet<&str> = defaults.map(|(key, _)| key).collect();
    for (key, value) in changes {
        if !known.contains(key.as_str()) {
            return Err(validation(format!("{noun} attribute key '{key}' is not recognized")));
        }
        check_value(noun, key, value)?;
        check_available(key, value)?;
    }
    Ok(())
}

fn check_value(noun: &str, key: &str, value: &str) -> Result<(), ServiceError> {
    let number = |min: u32, max: u32| value.parse::<u32>().is_ok_and(|value| (min..=max).contains(&value));
    let (good, rule) = match form(key) {
        Form::Boolean => (matches!(value, "true" | "false"), String::from("'true' or 'false'")),
        Form::Number { min, max } => (number(min, max), format!("a number between {min} and {max}")),
        Form::ZeroOr { min, max } => {
            (value == "0" || number(min, max), format!("0, or a number between {min} and {max}"))
        }
        Form::OffOr { min, max } => {
            (value == "off" || number(min, max), format!("'off', or a number between {min} and {max}"))
        }
        Form::OneOf(values) => (values.contains(&value), format!("one of '{}'", values.join(", "))),
        Form::Text => (
            value.len() <= ATTRIBUTE_VALUE_LENGTH_MAX && !value.chars().any(char::is_control),
            format!("a text of at most {ATTRIBUTE_VALUE_LENGTH_MAX} characters"),
        ),
    };
    if good {
        return Ok(());
    }
    Err(validation(format!(
        "{noun} attribute value '{value}' for key '{key}' is not valid: it must be {rule}"
    )))
}

fn check_available(key: &str, value: &str) -> Result<(), ServiceError> {
    if let Some((_, _, what)) = UNAVAILABLE.iter().find(|(name, wrong, _)| *name == key && *wrong == value) {
        return Err(unavailable(what));
    }
    let dns_failover = match key {
        "target_group_health.dns_failover.minimum_healthy_targets.count" => Some("1"),
        "target_group_health.dns_failover.minimum_healthy_targets.percentage" => Some("off"),
        _ => None,
    };
    // DNS leaves out a zone that has no healthy target, and knows no other threshold.
    if dns_failover.is_some_and(|only| only != value) {
        return Err(unavailable("Thresholds of DNS failover are"));
    }
    if key == "secondary_ips.auto_assigned.per_subnet" && value != "0" {
        return Err(unavailable("Secondary addresses of load balancers are"));
    }
    Ok(())
}

/// The attributes with their changes.
pub fn merged(present: &BTreeMap<String, String>, changes: &[Change]) -> BTreeMap<String, String> {
    let mut merged = present.clone();
    merged.extend(changes.iter().cloned());
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use state_model::elbv2::attributes::{listener_defaults, load_balancer_defaults, target_group_defaults};
    use state_model::elbv2::load_balancer::LoadBalancerKind;
    use state_model::elbv2::target_group::TargetType;

    fn group(protocol: &str) -> impl Iterator<Item = DefaultValue> + use<> {
        target_group_defaults(protocol, TargetType::Ip)
    }

    fn change(key: &str, value: &str) -> Vec<Change> {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[test]
    fn every_default_is_a_valid_value() {
        let all = load_balancer_defaults(LoadBalancerKind::Application)
            .chain(load_balancer_defaults(LoadBalancerKind::Network))
            .chain(["HTTP", "TCP", "UDP"].into_iter().flat_map(group))
            .chain(["HTTPS", "TCP"].into_iter().flat_map(listener_defaults));
        for (key, value) in all {
            check("x", &change(key, value), std::iter::once((key, value))).expect(key);
        }
    }

    #[test]
    fn values_keep_their_form() {
        let application = || load_balancer_defaults(LoadBalancerKind::Application);
        for (key, value, good) in [
            ("idle_timeout.timeout_seconds", "4000", true),
            ("idle_timeout.timeout_seconds", "4001", false),
            ("idle_timeout.timeout_seconds", "0", false),
            ("idle_timeout.timeout_seconds", "x", false),
            ("client_keep_alive.seconds", "59", false),
            ("routing.http2.enabled", "yes", false),
            ("routing.http.desync_mitigation_mode", "strictest", true),
            ("routing.http.xff_header_processing.mode", "keep", false),
            ("connection_logs.s3.enabled", "false", true),
            ("connection_logs.s3.enabled", "true", false),
        ] {
            assert_eq!(
                check("Load balancer", &change(key, value), application()).is_ok(),
                good,
                "{key}={value}"
            );
        }
        let unknown = check("Load balancer", &change("x.y", "1"), application()).expect_err("unknown");
        assert_eq!(unknown.message, "Load balancer attribute key 'x.y' is not recognized");
        for (key, value, good) in [
            ("slow_start.duration_seconds", "29", false),
            ("slow_start.duration_seconds", "30", true),
            ("slow_start.duration_seconds", "0", true),
            ("deregistration_delay.timeout_seconds", "3601", false),
            ("stickiness.lb_cookie.duration_seconds", "604801", false),
        ] {
            let checked = check("Target group", &change(key, value), group("HTTP"));
            assert_eq!(checked.is_ok(), good, "{key}={value}");
        }
    }

    #[test]
    fn a_key_comes_once() {
        let pair = |value: &str| (Some(String::from("a")), Some(value.to_owned()));
        let twice = parse(Some(vec![pair("1"), pair("2")])).expect_err("given twice");
        assert_eq!(twice.message, "Attribute key 'a' has been specified more than once");
    }
}
