//! The target groups that a service's tasks are registered with.

use state_model::Scope;
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::service_revision::ServiceLoadBalancer;
use state_model::ecs::task_definition::TaskDefinitionBody;
use state_model::elbv2::target_group::{TargetType, target_group_key};
use state_model::elbv2::{Listener, Rule, TargetGroup};
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use crate::ecs::errors::{invalid_parameter, unsupported};
use crate::ecs::limits::SERVICE_LOAD_BALANCERS_MAX;

/// Each target group exists, takes addresses of this VPC and has a load balancer; each container has its port. The
/// transaction depends on the groups.
pub fn load_balancers(
    view: &View,
    scope: &Scope,
    transaction: &mut Transaction,
    given: &[wire::LoadBalancer],
    body: &TaskDefinitionBody,
    vpc_id: &str,
) -> Result<Vec<ServiceLoadBalancer>, ServiceError> {
    if given.len() > SERVICE_LOAD_BALANCERS_MAX {
        return Err(invalid_parameter(format!(
            "load balancers can have at most {SERVICE_LOAD_BALANCERS_MAX} items."
        )));
    }
    let mut found: Vec<ServiceLoadBalancer> = Vec::with_capacity(given.len());
    for item in given {
        let arn = target_group_arn(item)?;
        let group = usable_group(view, scope, arn, vpc_id)?;
        let name = item.container_name.as_deref().unwrap_or_default();
        let container_port = container_port(name, item.container_port.unwrap_or_default(), body)?;
        let balancer = ServiceLoadBalancer {
            target_group_arn: arn.to_owned(),
            container_name: name.to_owned(),
            container_port,
        };
        if found.contains(&balancer) {
            return Err(invalid_parameter(format!("Duplicate targetGroupArn found: {arn}")));
        }
        transaction.expect(group);
        found.push(balancer);
    }
    Ok(found)
}

fn target_group_arn(given: &wire::LoadBalancer) -> Result<&str, ServiceError> {
    let present = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    match (present(&given.load_balancer_name), given.target_group_arn.as_deref()) {
        (true, Some(arn)) if !arn.is_empty() => Err(invalid_parameter(
            "loadBalancerName and targetGroupArn cannot both be specified. You must specify either a \
             loadBalancerName or a targetGroupArn.",
        )),
        (true, _) => Err(invalid_parameter("Classic Load Balancers are not supported with Fargate.")),
        (false, Some(arn)) if !arn.is_empty() => {
            if given.advanced_configuration.is_some() {
                return Err(unsupported(
                    "loadBalancers.advancedConfiguration: deployments that shift traffic between target groups \
                     are not available here.",
                ));
            }
            Ok(arn)
        }
        (false, _) => Err(invalid_parameter("targetGroupArn should not be null or empty.")),
    }
}

fn usable_group<'v>(
    view: &'v View,
    scope: &Scope,
    arn: &str,
    vpc_id: &str,
) -> Result<&'v Row<TargetGroup>, ServiceError> {
    let group = target_group_key(arn).and_then(|key| view.elb_target_groups.get(&key));
    let group = group.filter(|group| group.scope == *scope).ok_or_else(|| {
        invalid_parameter(format!("The target group with targetGroupArn {arn} does not exist."))
    })?;
    if group.target_type != TargetType::Ip {
        return Err(invalid_parameter(format!(
            "The provided target group {arn} has target type {}, which is incompatible with the awsvpc network \
             mode specified in the task definition.",
            group.target_type.as_str()
        )));
    }
    let has_balancer = view.elb_listeners.any_by(Listener::TARGET_GROUP, arn)
        || view.elb_rules.any_by(Rule::TARGET_GROUP, arn);
    if !has_balancer {
        return Err(invalid_parameter(format!(
            "The target group with targetGroupArn {arn} does not have an associated load balancer."
        )));
    }
    if group.vpc_id != vpc_id {
        return Err(invalid_parameter(format!(
            "The target group with targetGroupArn {arn} is in {}, while the subnets are in {vpc_id}.",
            group.vpc_id
        )));
    }
    Ok(group)
}

/// Another definition has the containers and ports of the load balancers as well.
pub fn check_containers(
    balancers: &[ServiceLoadBalancer],
    body: &TaskDefinitionBody,
) -> Result<(), ServiceError> {
    for balancer in balancers {
        container_port(&balancer.container_name, i32::from(balancer.container_port), body)?;
    }
    Ok(())
}

fn container_port(name: &str, port: i32, body: &TaskDefinitionBody) -> Result<u16, ServiceError> {
    if name.is_empty() {
        return Err(invalid_parameter("The container name must be specified for each load balancer."));
    }
    let container = body.container(name).ok_or_else(|| {
        invalid_parameter(format!("The container {name} does not exist in the task definition."))
    })?;
    let number = u16::try_from(port).ok().filter(|port| has_port(container, *port));
    number.ok_or_else(|| {
        invalid_parameter(format!("The container {name} did not have a container port {port} defined."))
    })
}

fn has_port(container: &ContainerDefinition, port: u16) -> bool {
    let in_range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u16>().ok(), last.parse::<u16>().ok());
        first.is_some_and(|first| first <= port) && last.is_some_and(|last| port <= last)
    };
    container.port_mappings.iter().any(|mapping| {
        mapping.container_port == Some(port) || mapping.container_port_range.as_deref().is_some_and(in_range)
    })
}
