//! Health check settings: what they may be, and what they are when nobody says.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>

use state_model::elbv2::attributes::is_http;
use state_model::elbv2::target_group::{HealthCheck, ProtocolVersion, TargetType};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::errors::{constraint, out_of_range, validation};

/// What a request says.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub enabled: Option<bool>,
    pub protocol: Option<wire::ProtocolEnum>,
    pub port: Option<String>,
    pub path: Option<String>,
    pub interval: Option<i32>,
    pub timeout: Option<i32>,
    pub healthy_threshold: Option<i32>,
    pub unhealthy_threshold: Option<i32>,
    pub matcher: Option<wire::Matcher>,
}

/// The group that is checked.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    pub protocol: &'a str,
    pub version: ProtocolVersion,
    pub target_type: TargetType,
}

impl Group<'_> {
    fn is_application(self) -> bool {
        is_http(self.protocol)
    }

    fn is_grpc(self) -> bool {
        self.is_application() && self.version == ProtocolVersion::Grpc
    }

    fn protocols(self) -> &'static [&'static str] {
        if self.is_application() || self.target_type == TargetType::Alb {
            &["HTTP", "HTTPS"]
        } else {
            &["HTTP", "HTTPS", "TCP"]
        }
    }

    fn default_protocol(self) -> &'static str {
        if self.protocols().contains(&"TCP") { "TCP" } else { "HTTP" }
    }

    fn default_timeout(self, check_protocol: &str) -> u32 {
        match (self.is_application(), check_protocol) {
            (true, _) => 5,
            (false, "HTTP") => 6,
            (false, _) => 10,
        }
    }

    fn default_path(self) -> &'static str {
        if self.is_grpc() { "/AWS.ALB/healthcheck" } else { "/" }
    }

    fn default_matcher(self) -> &'static str {
        match (self.is_grpc(), self.is_application()) {
            (true, _) => "12",
            (false, true) => "200",
            (false, false) => "200-399",
        }
    }

    /// The codes that a matcher may name.
    fn codes(self) -> (u32, u32) {
        match (self.is_grpc(), self.is_application()) {
            (true, _) => (0, 99),
            (false, true) => (200, 499),
            (false, false) => (200, 599),
        }
    }
}

/// The settings with what `wanted` changes; `current` is none for a new group.
pub fn settings(
    group: Group<'_>,
    wanted: Wanted,
    current: Option<&HealthCheck>,
) -> Result<HealthCheck, ServiceError> {
    if wanted.enabled == Some(false) {
        return Err(validation(format!(
            "Health check enabled must be true for groups with target type '{}'",
            group.target_type.as_str()
        )));
    }
    let protocol = protocol(group, wanted.protocol, current)?;
    let current_http = current.filter(|current| current.protocol != "TCP");
    let number = |given: Option<i32>, member, min, max, former: Option<u32>, default: u32| match given {
        None => Ok(former.unwrap_or(default)),
        Some(value) if (min..=max).contains(&value) => Ok(value.unsigned_abs()),
        Some(value) => Err(out_of_range(value, member, min, max)),
    };
    let settings = HealthCheck {
        port: port(wanted.port, current)?,
        path: path(group, &protocol, wanted.path, current_http)?,
        interval_secs: number(
            wanted.interval,
            "healthCheckIntervalSeconds",
            5,
            300,
            current.map(|current| current.interval_secs),
            30,
        )?,
        timeout_secs: number(
            wanted.timeout,
            "healthCheckTimeoutSeconds",
            2,
            120,
            current.map(|current| current.timeout_secs),
            group.default_timeout(&protocol),
        )?,
        healthy_threshold: number(
            wanted.healthy_threshold,
            "healthyThresholdCount",
            2,
            10,
            current.map(|current| current.healthy_threshold),
            5,
        )?,
        unhealthy_threshold: number(
            wanted.unhealthy_threshold,
            "unhealthyThresholdCount",
            2,
            10,
            current.map(|current| current.unhealthy_threshold),
            2,
        )?,
        matcher: matcher(group, &protocol, wanted.matcher, current_http)?,
        protocol,
    };
    if settings.timeout_secs >= settings.interval_secs {
        return Err(validation(format!(
            "Health check timeout '{}' must be smaller than the interval '{}'",
            settings.timeout_secs, settings.interval_secs
        )));
    }
    Ok(settings)
}

fn protocol(
    group: Group<'_>,
    wanted: Option<wire::ProtocolEnum>,
    current: Option<&HealthCheck>,
) -> Result<String, ServiceError> {
    let Some(wanted) = wanted else {
        return Ok(current.map_or(group.default_protocol().to_owned(), |current| current.protocol.clone()));
    };
    if !group.protocols().contains(&wanted.as_str()) {
        return Err(validation(format!(
            "Health check protocol '{wanted}' must be one of '{}'",
            group.protocols().join(", ")
        )));
    }
    Ok(wanted.as_str().to_owned())
}

fn port(wanted: Option<String>, current: Option<&HealthCheck>) -> Result<String, ServiceError> {
    const TRAFFIC_PORT: &str = "traffic-port";
    let Some(wanted) = wanted else {
        return Ok(current.map_or(TRAFFIC_PORT.to_owned(), |current| current.port.clone()));
    };
    if wanted == TRAFFIC_PORT {
        return Ok(wanted);
    }
    match wanted.parse::<u16>() {
        Ok(number) if number > 0 => Ok(number.to_string()),
        _ => Err(validation(format!(
            "Health check port '{wanted}' must be '{TRAFFIC_PORT}' or a number between 1 and 65535"
        ))),
    }
}

fn path(
    group: Group<'_>,
    protocol: &str,
    wanted: Option<String>,
    current: Option<&HealthCheck>,
) -> Result<Option<String>, ServiceError> {
    if protocol == "TCP" {
        return match wanted {
            None => Ok(None),
            Some(_) => Err(validation("Health check paths are not supported for TCP health checks")),
        };
    }
    let Some(wanted) = wanted else {
        let former = current.and_then(|current| current.path.clone());
        return Ok(Some(former.unwrap_or_else(|| group.default_path().to_owned())));
    };
    if !(1..=1024).contains(&wanted.len()) {
        return Err(constraint(wanted, "healthCheckPath", "have length between 1 and 1024"));
    }
    if !wanted.starts_with('/') || !wanted.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(validation(format!(
            "Health check path '{wanted}' must begin with '/' and have visible ASCII characters alone"
        )));
    }
    Ok(Some(wanted))
}

fn matcher(
    group: Group<'_>,
    protocol: &str,
    wanted: Option<wire::Matcher>,
    current: Option<&HealthCheck>,
) -> Result<Option<String>, ServiceError> {
    let wanted = wanted.filter(|matcher| matcher.http_code.is_some() || matcher.grpc_code.is_some());
    if protocol == "TCP" {
        return match wanted {
            None => Ok(None),
            Some(_) => Err(validation("Health check matchers are not supported for TCP health checks")),
        };
    }
    let Some(wanted) = wanted else {
        let former = current.and_then(|current| current.matcher.clone());
        return Ok(Some(former.unwrap_or_else(|| group.default_matcher().to_owned())));
    };
    let (codes, other) = if group.is_grpc() {
        (wanted.grpc_code, wanted.http_code)
    } else {
        (wanted.http_code, wanted.grpc_code)
    };
    let Some(codes) = codes.filter(|_| other.is_none()) else {
        let (right, wrong) = if group.is_grpc() { ("gRPC", "HTTP") } else { ("HTTP", "gRPC") };
        return Err(validation(format!(
            "The matcher must have {right} codes and no {wrong} codes for a target group with protocol version '{}'",
            group.version.as_str()
        )));
    };
    let (min, max) = group.codes();
    if !is_matcher(&codes, min, max) {
        return Err(validation(format!(
            "Health check matcher '{codes}' must be codes or ranges of codes between {min} and {max}, separated by commas"
        )));
    }
    Ok(Some(codes))
}

/// `200`, `200,202`, `200-299`.
fn is_matcher(text: &str, min: u32, max: u32) -> bool {
    let code = |text: &str| text.parse::<u32>().ok().filter(|code| (min..=max).contains(code));
    text.split(',').all(|part| match part.split_once('-') {
        None => code(part).is_some(),
        Some((from, to)) => code(from).zip(code(to)).is_some_and(|(from, to)| from <= to),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRPC: Group<'static> =
        Group { protocol: "HTTP", version: ProtocolVersion::Grpc, target_type: TargetType::Ip };

    fn group(protocol: &str) -> Group<'_> {
        Group { protocol, version: ProtocolVersion::Http1, target_type: TargetType::Ip }
    }

    #[test]
    fn each_protocol_has_its_defaults() {
        let tcp_by = |protocol: &str| Wanted { protocol: Some(protocol.into()), ..Default::default() };
        for (group, wanted, protocol, path, timeout, matcher) in [
            (group("HTTP"), Wanted::default(), "HTTP", Some("/"), 5, Some("200")),
            (group("HTTPS"), Wanted::default(), "HTTP", Some("/"), 5, Some("200")),
            (GRPC, Wanted::default(), "HTTP", Some("/AWS.ALB/healthcheck"), 5, Some("12")),
            (group("TCP"), Wanted::default(), "TCP", None, 10, None),
            (group("UDP"), tcp_by("HTTP"), "HTTP", Some("/"), 6, Some("200-399")),
            (group("TLS"), tcp_by("HTTPS"), "HTTPS", Some("/"), 10, Some("200-399")),
        ] {
            let made = settings(group, wanted, None).expect("defaults are valid");
            let seen =
                (made.protocol.as_str(), made.path.as_deref(), made.timeout_secs, made.matcher.as_deref());
            assert_eq!(seen, (protocol, path, timeout, matcher), "{group:?}");
            assert_eq!((made.interval_secs, made.healthy_threshold, made.unhealthy_threshold), (30, 5, 2));
            assert_eq!(made.port, "traffic-port");
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let http = || group("HTTP");
        let interval = |interval, timeout| Wanted { interval, timeout, ..Default::default() };
        let matching = |http: Option<&str>, grpc: Option<&str>| Wanted {
            matcher: Some(wire::Matcher {
                http_code: http.map(str::to_owned),
                grpc_code: grpc.map(str::to_owned),
            }),
            ..Default::default()
        };
        for (group, wanted, message) in [
            (
                http(),
                interval(Some(5), None),
                "Health check timeout '5' must be smaller than the interval '5'",
            ),
            (
                http(),
                interval(None, Some(40)),
                "Health check timeout '40' must be smaller than the interval '30'",
            ),
            (
                http(),
                interval(Some(301), None),
                "1 validation error detected: Value '301' at 'healthCheckIntervalSeconds' failed to satisfy constraint: \
                 Member must have value less than or equal to 300",
            ),
            (
                group("TCP"),
                Wanted { path: Some("/x".into()), ..Default::default() },
                "Health check paths are not supported for TCP health checks",
            ),
            (
                http(),
                Wanted { protocol: Some("TCP".into()), ..Default::default() },
                "Health check protocol 'TCP' must be one of 'HTTP, HTTPS'",
            ),
            (
                http(),
                matching(Some("200-600"), None),
                "Health check matcher '200-600' must be codes or ranges of codes between 200 and 499, separated by commas",
            ),
            (
                GRPC,
                matching(Some("200"), None),
                "The matcher must have gRPC codes and no HTTP codes for a target group with protocol version 'GRPC'",
            ),
            (
                http(),
                Wanted { enabled: Some(false), ..Default::default() },
                "Health check enabled must be true for groups with target type 'ip'",
            ),
        ] {
            assert_eq!(settings(group, wanted, None).expect_err(message).message, message);
        }
        let network = settings(
            group("TCP"),
            Wanted { protocol: Some("HTTP".into()), ..matching(Some("200-599"), None) },
            None,
        );
        assert_eq!(network.expect("NLB checks match up to 599").matcher.as_deref(), Some("200-599"));
    }

    #[test]
    fn a_change_keeps_the_rest() {
        let first = Wanted { path: Some("/up".into()), interval: Some(10), ..Default::default() };
        let made = settings(group("HTTP"), first, None).expect("valid");
        let changed = Wanted { healthy_threshold: Some(2), ..Default::default() };
        let changed = settings(group("HTTP"), changed, Some(&made)).expect("valid");
        assert_eq!(changed, HealthCheck { healthy_threshold: 2, ..made });
    }
}
