//! CreateListener.

use state_model::Record;
use state_model::elbv2::Listener;
use state_tables::elb_usage;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{CreateListenerInput, CreateListenerOutput};

use super::create_target_group::check_port;
use super::errors::{missing, too_many};
use super::limits::LISTENERS_MAX;
use super::listener_settings::{self, Security};
use super::{Context, actions, arns, certificates, forward, render, tags};

pub async fn create_listener(
    context: Context,
    input: CreateListenerInput,
) -> Result<CreateListenerOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:CreateListener", &arn)?;
    let view = context.view();
    let kind = arns::load_balancer(&view, &context.scope, &arn)?.kind;
    let protocol = input.protocol.ok_or_else(|| missing("protocol"))?;
    listener_settings::check_protocol(kind, &protocol)?;
    let port = check_port(input.port.ok_or_else(|| missing("port"))?)?;
    listener_settings::check_mutual_authentication(input.mutual_authentication.as_ref())?;
    let security = Security {
        certificate: certificates::default_of(input.certificates)?,
        ssl_policy: input.ssl_policy,
        alpn_policy: listener_settings::alpn_policy(input.alpn_policy)?,
    };
    let security = security.checked(protocol.as_str())?;
    let action = actions::parse(input.default_actions, "defaultActions", protocol.as_str(), port)?;
    forward::check_kind(kind, &action)?;
    let mut record = Listener {
        scope: context.scope.clone(),
        load_balancer: String::new(),
        id: random::hex(&*context.random, 16),
        protocol: protocol.as_str().to_owned(),
        port,
        default_action: action,
        default_rule_id: random::hex(&*context.random, 16),
        certificates: security.certificate.into_iter().collect(),
        ssl_policy: security.ssl_policy,
        alpn_policy: security.alpn_policy,
        attributes: Default::default(),
        tags: tags::parse(input.tags)?,
        default_rule_tags: Default::default(),
        created_at: context.now,
    };
    context
        .transact(|view, transaction| {
            let row = arns::load_balancer(view, &context.scope, &arn)?;
            record.load_balancer = row.path();
            listener_settings::check_port_is_free(view, row, port, None)?;
            if elb_usage::listeners_of_load_balancer(view, &row.key()).count() >= LISTENERS_MAX {
                return Err(too_many("TooManyListeners", "listeners per load balancer", LISTENERS_MAX));
            }
            certificates::hold(view, &context.scope, transaction, &record.certificates)?;
            let from = forward::From { load_balancer: row, protocol: &record.protocol };
            forward::hold(view, &context, transaction, from, &record.default_action)?;
            // Two listeners of one port must not come at once: whoever adds one changes the load balancer's row.
            transaction.update(row, row.record());
            transaction.insert(&record);
            Ok(())
        })
        .await?;
    Ok(CreateListenerOutput { listeners: Some(vec![render::listener::listener(&record)]) })
}
