//! A listener.

use state_model::elbv2::Listener;
use wire_shapes_network::elbv2 as wire;

use super::action;

pub fn listener(record: &Listener) -> wire::Listener {
    let default_certificate = record
        .certificates
        .first()
        .map(|arn| vec![wire::Certificate { certificate_arn: Some(arn.clone()), is_default: None }]);
    let mutual =
        wire::MutualAuthenticationAttributes { mode: Some(String::from("off")), ..Default::default() };
    wire::Listener {
        alpn_policy: record.alpn_policy.clone().map(|policy| vec![policy]),
        certificates: default_certificate,
        default_actions: Some(action::actions(&record.default_action)),
        listener_arn: Some(record.arn()),
        load_balancer_arn: Some(record.load_balancer_arn()),
        mutual_authentication: Some(mutual).filter(|_| record.protocol == "HTTPS"),
        port: Some(i32::from(record.port)),
        protocol: Some(record.protocol.as_str().into()),
        ssl_policy: record.ssl_policy.clone(),
    }
}
