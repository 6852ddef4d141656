//! ModifyListener: what isn't given stays.

use state_model::Record;
use state_model::elbv2::Listener;
use state_model::elbv2::attributes::listener_defaults;
use state_tables::{Row, Transaction, View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{ModifyListenerInput, ModifyListenerOutput};

use super::create_target_group::check_port;
use super::errors::load_balancers_not_found;
use super::listener_settings::{self, Security};
use super::{Context, actions, arns, certificates, forward, render};

pub async fn modify_listener(
    context: Context,
    input: ModifyListenerInput,
) -> Result<ModifyListenerOutput, ServiceError> {
    let arn = arns::required(input.listener_arn.clone(), "listenerArn")?;
    context.authorise("elasticloadbalancing:ModifyListener", &arn)?;
    listener_settings::check_mutual_authentication(input.mutual_authentication.as_ref())?;
    let record = context
        .transact(|view, transaction| {
            let row = arns::listener(view, &context.scope, &arn)?;
            let record = changed(row, &input)?;
            commit(view, &context, transaction, row, &record)?;
            Ok(record)
        })
        .await?;
    Ok(ModifyListenerOutput { listeners: Some(vec![render::listener::listener(&record)]) })
}

fn changed(present: &Listener, input: &ModifyListenerInput) -> Result<Listener, ServiceError> {
    let mut record = present.clone();
    if let Some(protocol) = &input.protocol {
        protocol.as_str().clone_into(&mut record.protocol);
    }
    if let Some(port) = input.port {
        record.port = check_port(port)?;
    }
    let is_secure = listener_settings::is_secure(&record.protocol);
    // A listener that gives up TLS gives up what belongs to it.
    let kept = |value: Option<String>| value.filter(|_| is_secure);
    let certificate = certificates::default_of(input.certificates.clone())?;
    let alpn_policy = listener_settings::alpn_policy(input.alpn_policy.clone())?;
    let security = Security {
        certificate: certificate.clone().or_else(|| kept(present.certificates.first().cloned())),
        ssl_policy: input.ssl_policy.clone().or_else(|| kept(present.ssl_policy.clone())),
        alpn_policy: alpn_policy
            .or_else(|| kept(present.alpn_policy.clone()).filter(|_| record.protocol == "TLS")),
    };
    let security = security.checked(&record.protocol)?;
    let others = present.certificates.iter().skip(1).filter(|_| is_secure);
    let others = others.filter(|arn| Some(*arn) != security.certificate.as_ref());
    record.certificates = security.certificate.iter().chain(others).cloned().collect();
    record.ssl_policy = security.ssl_policy;
    record.alpn_policy = security.alpn_policy;
    if input.default_actions.is_some() {
        let actions = input.default_actions.clone();
        record.default_action = actions::parse(actions, "defaultActions", &record.protocol, record.port)?;
    }
    // What belongs to another protocol is no attribute of this one.
    if record.protocol != present.protocol {
        let known: Vec<&str> = listener_defaults(&record.protocol).map(|(key, _)| key).collect();
        record.attributes.retain(|key, _| known.contains(&key.as_str()));
    }
    Ok(record)
}

fn commit(
    view: &View,
    context: &Context,
    transaction: &mut Transaction,
    row: &Row<Listener>,
    record: &Listener,
) -> Result<(), ServiceError> {
    let load_balancer = view.elb_load_balancers.get(&context.scope.key(&record.load_balancer));
    let load_balancer = load_balancer.ok_or_else(load_balancers_not_found)?;
    listener_settings::check_protocol(load_balancer.kind, &record.protocol.as_str().into())?;
    forward::check_kind(load_balancer.kind, &record.default_action)?;
    if record.port != row.port {
        listener_settings::check_port_is_free(view, load_balancer, record.port, Some(&record.id))?;
    }
    certificates::hold(view, &context.scope, transaction, &record.certificates)?;
    let from = forward::From { load_balancer, protocol: &record.protocol };
    forward::hold(view, context, transaction, from, &record.default_action)?;
    if record.protocol != row.protocol {
        // The rules go on forwarding: their groups, which are this load balancer's already, must suit the new protocol.
        for rule in elb_usage::rules_of_listener(view, &record.key()) {
            forward::check(view, context, from, &rule.action)?;
        }
    }
    transaction.update(load_balancer, load_balancer.record());
    transaction.update(row, record);
    Ok(())
}
