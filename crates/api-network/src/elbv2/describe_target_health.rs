//! DescribeTargetHealth: what the balancer observed, unless the registration itself says more.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>

use state_model::Record;
use state_model::elbv2::target::HealthState;
use state_model::elbv2::{LoadBalancer, Target, TargetGroup, TargetHealth};
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::{DescribeTargetHealthInput, DescribeTargetHealthOutput};

use super::create_target_group::check_port;
use super::errors::unavailable;
use super::{Context, arns, deregister_targets};

pub async fn describe_target_health(
    context: Context,
    input: DescribeTargetHealthInput,
) -> Result<DescribeTargetHealthOutput, ServiceError> {
    let arn = arns::required(input.target_group_arn, "targetGroupArn")?;
    context.authorise("elasticloadbalancing:DescribeTargetHealth", "*")?;
    if input.include.is_some_and(|include| !include.is_empty()) {
        return Err(unavailable("Anomaly detection is"));
    }
    let view = context.view();
    let group = arns::target_group(&view, &context.scope, &arn)?;
    let user = elb_usage::load_balancer_of_target_group(&view, &arn);
    let user = user.and_then(|key| view.elb_load_balancers.get(&key)).map(|row| &**row.record());
    let targets: Vec<&Target> =
        elb_usage::targets_of_group(&view, &group.key()).map(|row| &**row.record()).collect();
    let registered = |target: &Target| description(&view, group, user, target);
    let Some(named) = input.targets.filter(|named| !named.is_empty()) else {
        let all = targets.into_iter().map(registered).collect();
        return Ok(DescribeTargetHealthOutput { target_health_descriptions: Some(all) });
    };
    let mut shown = Vec::new();
    for wanted in named {
        let port = wanted.port.map(check_port).transpose()?;
        let found = targets.iter().filter(|target| deregister_targets::names(&wanted, target));
        let found: Vec<_> = found.map(|target| registered(target)).collect();
        if found.is_empty() {
            shown.push(unregistered(group, wanted, port));
        }
        shown.extend(found);
    }
    Ok(DescribeTargetHealthOutput { target_health_descriptions: Some(shown) })
}

fn description(
    view: &View,
    group: &TargetGroup,
    user: Option<&LoadBalancer>,
    target: &Target,
) -> wire::TargetHealthDescription {
    wire::TargetHealthDescription {
        health_check_port: Some(check_port_of(group, target.port)),
        target: Some(wire::TargetDescription {
            availability_zone: target.availability_zone.clone(),
            id: Some(target.target_id.clone()),
            port: Some(i32::from(target.port)),
            ..Default::default()
        }),
        target_health: Some(health(
            user,
            target,
            view.elb_target_health.get(&target.key()).map(|row| &**row.record()),
        )),
        ..Default::default()
    }
}

fn check_port_of(group: &TargetGroup, port: u16) -> String {
    match group.health_check.port.as_str() {
        "traffic-port" => port.to_string(),
        own => own.to_owned(),
    }
}

fn unregistered(
    group: &TargetGroup,
    wanted: wire::TargetDescription,
    port: Option<u16>,
) -> wire::TargetHealthDescription {
    let port = port.unwrap_or(group.port);
    wire::TargetHealthDescription {
        health_check_port: Some(check_port_of(group, port)),
        target: Some(wire::TargetDescription { port: Some(i32::from(port)), ..wanted }),
        target_health: Some(state(
            wire::TargetHealthStateEnum::Unused,
            wire::TargetHealthReasonEnum::TargetNotRegistered,
            "Target is not registered to the target group",
        )),
        ..Default::default()
    }
}

fn health(
    user: Option<&LoadBalancer>,
    target: &Target,
    observed: Option<&TargetHealth>,
) -> wire::TargetHealth {
    use wire::{TargetHealthReasonEnum as Reason, TargetHealthStateEnum as State};
    if target.is_draining() {
        let reason = Reason::TargetDeregistrationInProgress;
        return state(State::Draining, reason, "Target deregistration is in progress");
    }
    let Some(user) = user else {
        let text = "Target group is not configured to receive traffic from the load balancer";
        return state(State::Unused, Reason::TargetNotInUse, text);
    };
    let zone = target.availability_zone.as_deref().filter(|zone| *zone != "all");
    if zone.is_some_and(|zone| !user.subnets.iter().any(|place| place.availability_zone == zone)) {
        let text = "Target is in an Availability Zone that is not enabled for the load balancer";
        return state(State::Unused, Reason::TargetNotInUse, text);
    }
    match observed {
        // What is said of a former registration says nothing about this one.
        None | Some(TargetHealth { state: HealthState::Draining, .. }) => {
            let reason = Reason::ElbRegistrationInProgress;
            state(State::Initial, reason, "Target registration is in progress")
        }
        Some(observed) => wire::TargetHealth {
            description: observed.description.clone(),
            reason: observed.reason.as_deref().map(Reason::from),
            state: Some(State::from(observed.state.as_str())),
        },
    }
}

fn state(
    state: wire::TargetHealthStateEnum,
    reason: wire::TargetHealthReasonEnum,
    description: &str,
) -> wire::TargetHealth {
    wire::TargetHealth { description: Some(description.to_owned()), reason: Some(reason), state: Some(state) }
}
