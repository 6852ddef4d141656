//! What a listener may be: protocol, port, certificate, security policy.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/create-https-listener.html>

use state_model::Record;
use state_model::elbv2::load_balancer::{LoadBalancer, LoadBalancerKind};
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::errors::{unavailable, validation};
use super::ssl_policies;

const ALPN_POLICIES: [&str; 5] = ["HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"];

pub fn check_protocol(kind: LoadBalancerKind, protocol: &wire::ProtocolEnum) -> Result<(), ServiceError> {
    let (allowed, shown): (&[&str], &str) = match kind {
        LoadBalancerKind::Application => (&["HTTP", "HTTPS"], "HTTPS, HTTP"),
        LoadBalancerKind::Network => (&["TCP", "TLS", "UDP", "TCP_UDP"], "UDP, TCP, TCP_UDP, TLS"),
    };
    match protocol {
        wire::ProtocolEnum::Quic | wire::ProtocolEnum::TcpQuic if kind == LoadBalancerKind::Network => {
            Err(unavailable(format!("Listeners with protocol '{protocol}' are")))
        }
        protocol if allowed.contains(&protocol.as_str()) => Ok(()),
        protocol => Err(validation(format!("Listener protocol '{protocol}' must be one of '{shown}'"))),
    }
}

pub fn is_secure(protocol: &str) -> bool {
    matches!(protocol, "HTTPS" | "TLS")
}

/// `own` is the id of the listener that is about to change its port.
pub fn check_port_is_free(
    view: &View,
    load_balancer: &LoadBalancer,
    port: u16,
    own: Option<&str>,
) -> Result<(), ServiceError> {
    let mut listeners = elb_usage::listeners_of_load_balancer(view, &load_balancer.key());
    if listeners.any(|listener| listener.port == port && own != Some(listener.id.as_str())) {
        let arn = load_balancer.arn();
        let message = format!("A listener already exists on this port for this load balancer '{arn}'");
        return Err(ServiceError::caller("DuplicateListener", message));
    }
    Ok(())
}

/// What only listeners with TLS have.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// The default one.
    pub certificate: Option<String>,
    pub ssl_policy: Option<String>,
    pub alpn_policy: Option<String>,
}

impl Security {
    /// The settings as they are to be with `protocol`: complete, and nothing that has no meaning.
    pub fn checked(self, protocol: &str) -> Result<Self, ServiceError> {
        if !is_secure(protocol) {
            let given = [
                (self.certificate.is_some(), "Certificates"),
                (self.ssl_policy.is_some(), "SSL policies"),
                (self.alpn_policy.is_some(), "ALPN policies"),
            ];
            return match given.iter().find(|(given, _)| *given) {
                None => Ok(self),
                Some((_, what)) => {
                    Err(validation(format!("{what} cannot be specified for {protocol} listeners")))
                }
            };
        }
        if self.certificate.is_none() {
            return Err(validation(format!("A certificate must be specified for {protocol} listeners")));
        }
        if self.alpn_policy.is_some() && protocol != "TLS" {
            return Err(validation(format!("ALPN policies cannot be specified for {protocol} listeners")));
        }
        let policy = self.ssl_policy.unwrap_or_else(|| ssl_policies::DEFAULT.to_owned());
        ssl_policies::find(&policy)?;
        Ok(Self { ssl_policy: Some(policy), ..self })
    }
}

pub fn alpn_policy(given: Option<Vec<String>>) -> Result<Option<String>, ServiceError> {
    let mut given = given.unwrap_or_default();
    if given.len() > 1 {
        return Err(validation("Only one ALPN policy can be specified"));
    }
    let Some(policy) = given.pop() else { return Ok(None) };
    if !ALPN_POLICIES.contains(&policy.as_str()) {
        let message = format!("ALPN policy '{policy}' must be one of '{}'", ALPN_POLICIES.join(", "));
        return Err(ServiceError::caller("ALPNPolicyNotFound", message));
    }
    Ok(Some(policy))
}

pub fn check_mutual_authentication(
    given: Option<&wire::MutualAuthenticationAttributes>,
) -> Result<(), ServiceError> {
    match given {
        None => Ok(()),
        Some(given) if given.mode.as_deref() == Some("off") && given.trust_store_arn.is_none() => Ok(()),
        Some(_) => Err(unavailable("Mutual authentication and trust stores are")),
    }
}
