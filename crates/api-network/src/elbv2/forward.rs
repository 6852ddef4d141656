//! `forward` actions, and whether a listener may forward to a target group.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html>

use std::collections::BTreeSet;

use state_model::Record;
use state_model::elbv2::action::{Action, Forward, WeightedTargetGroup};
use state_model::elbv2::attributes::is_http;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use state_model::elbv2::target_group::{ProtocolVersion, TargetType};
use state_model::elbv2::{Listener, LoadBalancer, Rule, TargetGroup};
use state_tables::{Row, Transaction, View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::errors::{invalid_action, invalid_configuration, missing, too_many, validation};
use super::limits::{TARGET_GROUPS_PER_ACTION_MAX, TARGET_GROUPS_PER_LOAD_BALANCER_MAX};
use super::{Context, arns};

pub fn parse(given: &wire::Action) -> Result<Forward, ServiceError> {
    let config = given.forward_config.clone().unwrap_or_default();
    let tuples = config.target_groups.unwrap_or_default();
    let groups = match (&given.target_group_arn, tuples.is_empty()) {
        (None, true) => {
            return Err(validation("You must specify a target group for an action of type 'forward'"));
        }
        (Some(arn), true) => vec![WeightedTargetGroup { arn: arn.clone(), weight: 1 }],
        (Some(arn), false) if tuples.len() > 1 || tuples[0].target_group_arn.as_ref() != Some(arn) => {
            return Err(validation(
                "You cannot specify both a target group ARN and a different list of target groups",
            ));
        }
        (_, false) => weighted(tuples)?,
    };
    let stickiness = config.target_group_stickiness_config.unwrap_or_default();
    let duration = stickiness.duration_seconds.map(stickiness_duration).transpose()?;
    let enabled = stickiness.enabled.unwrap_or(false);
    if enabled && duration.is_none() {
        return Err(validation("You must specify a duration to enable target group stickiness"));
    }
    Ok(Forward {
        target_groups: groups,
        stickiness_secs: duration.filter(|_| enabled),
        stickiness_secs_when_off: duration.filter(|_| !enabled),
    })
}

fn weighted(tuples: Vec<wire::TargetGroupTuple>) -> Result<Vec<WeightedTargetGroup>, ServiceError> {
    const WEIGHT_MAX: i32 = 999;
    if tuples.len() > TARGET_GROUPS_PER_ACTION_MAX {
        return Err(too_many(
            "TooManyTargetGroups",
            "target groups per action",
            TARGET_GROUPS_PER_ACTION_MAX,
        ));
    }
    let several = tuples.len() > 1;
    let mut groups: Vec<WeightedTargetGroup> = Vec::new();
    for tuple in tuples {
        let arn = tuple.target_group_arn.ok_or_else(|| missing("targetGroups.member.targetGroupArn"))?;
        let weight = match tuple.weight {
            Some(weight) if (0..=WEIGHT_MAX).contains(&weight) => weight.unsigned_abs(),
            Some(weight) => {
                return Err(validation(format!(
                    "The weight '{weight}' of target group '{arn}' must be between 0 and {WEIGHT_MAX}"
                )));
            }
            None if several => {
                return Err(validation(
                    "You must specify a weight for each target group when an action has more than one",
                ));
            }
            None => 1,
        };
        if groups.iter().any(|known| known.arn == arn) {
            return Err(validation(format!("Target group '{arn}' is specified more than once in an action")));
        }
        groups.push(WeightedTargetGroup { arn, weight });
    }
    Ok(groups)
}

fn stickiness_duration(seconds: i32) -> Result<u32, ServiceError> {
    u32::try_from(seconds).ok().filter(|seconds| (1..=604_800).contains(seconds)).ok_or_else(|| {
        validation(format!(
            "Target group stickiness duration '{seconds}' must be between 1 and 604800 seconds"
        ))
    })
}

/// A listener as far as its actions care.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    pub load_balancer: &'a LoadBalancer,
    pub protocol: &'a str,
}

/// Refuses target groups that the listener can't forward to, and holds the others: nobody may delete one, or give it to
/// another load balancer, at the same time.
pub fn hold(
    view: &View,
    context: &Context,
    transaction: &mut Transaction,
    from: From<'_>,
    action: &Action,
) -> Result<(), ServiceError> {
    let mut all = elb_usage::target_groups_of_load_balancer(view, &from.load_balancer.key());
    for row in check(view, context, from, action)? {
        all.insert(row.arn());
        transaction.update(row, row.record());
    }
    if all.len() > TARGET_GROUPS_PER_LOAD_BALANCER_MAX {
        return Err(too_many(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            "unique target groups per load balancer",
            TARGET_GROUPS_PER_LOAD_BALANCER_MAX,
        ));
    }
    Ok(())
}

/// The target groups of an action, when the listener can forward to them all.
pub fn check<'v>(
    view: &'v View,
    context: &Context,
    from: From<'_>,
    action: &Action,
) -> Result<Vec<&'v Row<TargetGroup>>, ServiceError> {
    let mut rows = Vec::new();
    for arn in action.target_groups() {
        let row = arns::target_group(view, &context.scope, arn)?;
        check_group(view, from, row, action)?;
        rows.push(row);
    }
    Ok(rows)
}

fn check_group(
    view: &View,
    from: From<'_>,
    group: &TargetGroup,
    action: &Action,
) -> Result<(), ServiceError> {
    let arn = group.arn();
    check_protocols(from, group)?;
    if group.vpc_id != from.load_balancer.vpc_id {
        return Err(invalid_configuration(format!(
            "Target group '{arn}' and load balancer '{}' are in different VPCs",
            from.load_balancer.arn()
        )));
    }
    let user = elb_usage::load_balancer_of_target_group(view, &arn);
    if user.is_some_and(|user| user != from.load_balancer.key()) {
        return Err(ServiceError::caller(
            "TargetGroupAssociationLimit",
            format!(
                "The following target groups cannot be associated with more than one load balancer: {arn}"
            ),
        ));
    }
    check_app_cookie(group, action)
}

fn check_protocols(from: From<'_>, group: &TargetGroup) -> Result<(), ServiceError> {
    let fits = match from.protocol {
        "TCP" => matches!(group.protocol.as_str(), "TCP" | "TCP_UDP"),
        "TLS" => matches!(group.protocol.as_str(), "TCP" | "TLS") && group.target_type != TargetType::Alb,
        "UDP" => matches!(group.protocol.as_str(), "UDP" | "TCP_UDP"),
        "TCP_UDP" => group.protocol == "TCP_UDP",
        _ => is_http(&group.protocol),
    };
    let incompatible = |message: String| Err(ServiceError::caller("IncompatibleProtocols", message));
    if !fits {
        return incompatible(format!(
            "The protocol '{}' of target group '{}' is not compatible with the listener protocol '{}'",
            group.protocol,
            group.arn(),
            from.protocol
        ));
    }
    if from.protocol == "HTTP" && group.protocol_version != ProtocolVersion::Http1 {
        return incompatible(format!(
            "Listener protocol 'HTTP' is not supported with a target group with the protocol-version '{}'",
            group.protocol_version.as_str()
        ));
    }
    Ok(())
}

/// The application's cookie can't say which of several groups a client belongs to.
fn check_app_cookie(group: &TargetGroup, action: &Action) -> Result<(), ServiceError> {
    let set = |key: &str| group.attributes.get(key).map(String::as_str);
    let by_app = set("stickiness.enabled") == Some("true") && set("stickiness.type") == Some("app_cookie");
    if by_app && action.target_groups().count() > 1 {
        return Err(validation(format!(
            "Target group '{}' has stickiness of type 'app_cookie', which is not supported with several target groups",
            group.arn()
        )));
    }
    Ok(())
}

/// Network load balancers do one thing with what they accept.
pub fn check_kind(kind: LoadBalancerKind, action: &Action) -> Result<(), ServiceError> {
    match (kind, action) {
        (LoadBalancerKind::Application, _) => Ok(()),
        (LoadBalancerKind::Network, Action::Forward(forward)) => {
            if forward.stickiness_secs.is_some() {
                return Err(invalid_action(
                    "Target group stickiness is not supported for listeners of network load balancers",
                ));
            }
            Ok(())
        }
        (LoadBalancerKind::Network, Action::Redirect(_) | Action::FixedResponse(_)) => {
            Err(invalid_action("Listeners of network load balancers support actions of type 'forward' alone"))
        }
    }
}

/// Whether an action forwards to this group and others.
pub fn is_weighted(view: &View, arn: &str) -> bool {
    let several = |action: &Action| action.target_groups().collect::<BTreeSet<_>>().len() > 1;
    let mut listeners = view.elb_listeners.by(Listener::TARGET_GROUP, arn);
    let mut rules = view.elb_rules.by(Rule::TARGET_GROUP, arn);
    listeners.any(|row: &Row<Listener>| several(&row.default_action)) || rules.any(|row| several(&row.action))
}
